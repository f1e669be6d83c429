//! `cargo xtask bench`.

use anyhow::Result;
use clap::Args;

use crate::process::{cargo, run_shown};

/// Measure a running stack
///
/// Needs `cargo xtask up`. Prints each figure of design §10 beside its target, and what bare Docker takes on the same
/// machine in the same minute.
#[derive(Args)]
pub struct Bench {
    /// Words for the bench program; `cargo xtask bench -- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Bench {
    pub fn run(&self) -> Result<()> {
        let mut bench = cargo(["run", "--quiet", "--package", "paddock-tests", "--bin", "bench", "--"]);
        run_shown(bench.args(&self.args))
    }
}
