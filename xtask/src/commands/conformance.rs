//! `cargo xtask conformance`.

use anyhow::Result;
use clap::Args;

use crate::process::{cargo, run_shown};

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
        let words = ["run", "--quiet", "--package", "paddock-localstack", "--", "conformance", "--endpoint"];
        run_shown(cargo(words).arg(&self.endpoint))
    }
}
