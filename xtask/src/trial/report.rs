//! What became of the parts of a long command.

use anyhow::{Result, anyhow, bail};

use crate::interrupt::is_interrupted;
use crate::progress::note;

/// All results, told together at the end.
#[derive(Default)]
pub struct Report(Vec<(&'static str, Result<()>)>);

impl Report {
    /// Does a part, unless somebody wants us to end; whether it went well.
    pub fn run(&mut self, part: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        let result = if is_interrupted() { Err(anyhow!("interrupted")) } else { work() };
        if let Err(error) = &result {
            note(&format!("FAILED: {part}: {error:#}"));
        }
        let good = result.is_ok();
        self.0.push((part, result));
        good
    }

    /// Whether any part failed so far.
    pub fn has_failures(&self) -> bool {
        self.0.iter().any(|(_, result)| result.is_err())
    }

    /// The summary, and the failures as one error.
    pub fn finish(self) -> Result<()> {
        note("\nSummary");
        for (part, result) in &self.0 {
            note(&format!("  {} {part}", if result.is_ok() { "ok    " } else { "FAILED" }));
        }
        let failures: Vec<String> =
            self.0.into_iter().filter_map(|(part, result)| Some(format!("# {part}\n{:#}", result.err()?))).collect();
        if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n\n")) }
    }
}
