//! `cargo xtask conformance`.

use anyhow::Result;
use clap::Args;

use crate::binaries;
use crate::paths::repo;
use crate::process::{command, run_shown};

/// Ask an AWS endpoint whether it behaves as we rely on
///
/// Every conditional write, transaction, index, queue and object-store behaviour that Paddock needs, against any
/// endpoint: the embedded engines (http://localhost:4566 while the stack is up), LocalStack, ministack, AWS.
#[derive(Args)]
pub struct Conformance {
    /// Where it listens, such as http://localhost:4566
    #[arg(long, value_name = "URL")]
    endpoint: String,
}

impl Conformance {
    pub fn run(&self) -> Result<()> {
        let localstack = binaries::program("paddock-localstack")?;
        let words = ["conformance", "--endpoint", &self.endpoint];
        run_shown(command(&localstack.display().to_string(), words).current_dir(repo()))
    }
}
