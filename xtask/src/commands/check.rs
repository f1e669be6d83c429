//! `cargo xtask check`.

use anyhow::Result;
use clap::Args;

use crate::check;

/// Check the form of everything
///
/// Format, clippy, file sizes, allowed arrows between crates, names, versions in one place, the template. All
/// failures are shown at once.
#[derive(Args)]
pub struct Check {}

impl Check {
    pub fn run(&self) -> Result<()> {
        let _ = self;
        check::run()
    }
}
