//! One file per subcommand.

mod bench;
mod chaos;
mod check;
mod conformance;
mod down;
mod image;
mod simulate;
mod test;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use self::down::take_down;
use crate::interrupt;

/// Chores of the Paddock repository.
///
/// The first two to know:
///   cargo xtask up     run the whole stack on this machine (Ctrl-C stops it)
///   cargo xtask test   everything that CI runs
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Up),
    Down(down::Down),
    Test(test::Test),
    Check(check::Check),
    Simulate(simulate::Simulate),
    Chaos(chaos::Chaos),
    Bench(bench::Bench),
    Conformance(conformance::Conformance),
    Image(image::Image),
}

/// Parses the command line and runs the subcommand.
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    let result = interrupt::listen().and_then(|()| match command {
        Command::Up(up) => up.run(),
        Command::Down(down) => down.run(),
        Command::Test(test) => test.run(),
        Command::Check(check) => check.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Chaos(chaos) => chaos.run(),
        Command::Bench(bench) => bench.run(),
        Command::Conformance(conformance) => conformance.run(),
        Command::Image(image) => image.run(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
