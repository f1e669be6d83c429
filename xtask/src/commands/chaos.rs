//! `cargo xtask chaos`.

use anyhow::Result;
use clap::Args;

use crate::binaries;
use crate::paths::{StateDir, repo};
use crate::process::{command, run_shown};
use crate::progress::note;
use crate::trial::{Report, Trial};

/// Where the stack lives; beside that of the tests, whose logs and leftovers are not these.
const STACK: Trial = Trial { folder: ".paddock-chaos", logs: "chaos-logs" };

/// Kill everything under load
///
/// Brings up a stack of its own with two runners, lets sandboxes live on it for so many minutes while agents, daemons,
/// containers, functions and the container engine are killed and the AWS endpoint misbehaves, and counts afterwards what is
/// stuck, lost or left over: all of it must be 0. Takes the stack down. Needs root, for the sandboxes.
///
///   cargo xtask chaos --minutes 10            the seed of its choices is printed first
///   cargo xtask chaos --minutes 10 --seed 7   the same choices; what they hit depends on the machine's pace
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Chaos {
    /// How long the faults go on; the checks afterwards take some minutes more
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Repeats the choices of an earlier run
    #[arg(long)]
    seed: Option<u64>,
}

impl Chaos {
    pub fn run(&self) -> Result<()> {
        let mut report = Report::default();
        STACK.run(&mut report, |state, report| {
            report.run("chaos", || self.rage(state));
        });
        report.finish()
    }

    fn rage(&self, state: &StateDir) -> Result<()> {
        let program = binaries::program("chaos")?;
        let arguments = [Some(self.minutes), self.seed].into_iter().flatten().map(|number| number.to_string());
        note("Chaos:");
        let mut chaos = command(&program.display().to_string(), arguments);
        run_shown(chaos.env("PADDOCK_E2E_ENV", state.env_file()).current_dir(repo()))
    }
}
