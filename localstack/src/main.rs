//! `paddock-localstack`: the stack as a program.
//!
//! * [`cli`] - the commands
//! * [`conformance`] - our AWS-behaviour suite, for any endpoint

mod cli;
mod conformance;

fn main() -> anyhow::Result<std::process::ExitCode> {
    cli::run()
}
