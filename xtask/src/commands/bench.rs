//! `cargo xtask bench`.

use anyhow::Result;
use clap::Args;

use crate::binaries;
use crate::paths::repo;
use crate::process::{command, run_shown};

/// Measure a running stack
///
/// Needs `cargo xtask up`. Prints each figure of design §10 beside its target, and what bare Docker takes on the same
/// machine in the same minute.
#[derive(Args)]
pub struct Bench;

impl Bench {
    pub fn run(&self) -> Result<()> {
        let bench = binaries::program("bench")?;
        run_shown(command::<&str>(&bench.display().to_string(), []).current_dir(repo()))
    }
}
