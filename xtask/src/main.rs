//! `cargo xtask`: every chore of this repository, in one place.
//!
//! | module | what |
//! |---|---|
//! | [`commands`] | one file per subcommand; start here |
//! | [`stack`] | the stack on this machine: services, supervisor, secrets, ports, clean-up |
//! | [`trial`] | a stack of its own for one command, of which nothing is left |
//! | [`image`] | the default sandbox image and the pause image |
//! | [`engine`] | the Docker engine: find it, install it, start it |
//! | [`binaries`] | what cargo builds for a stack |
//! | [`check`] | the measures of the style anchors |
//! | [`paths`], [`progress`], [`process`], [`interrupt`], [`http`] | where things are, how we tell, how we run, how we are ended, how we ask |

mod binaries;
mod check;
mod commands;
mod engine;
mod http;
mod image;
mod interrupt;
mod paths;
mod process;
mod progress;
mod stack;
mod trial;

fn main() -> std::process::ExitCode {
    commands::run()
}
