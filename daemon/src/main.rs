//! `paddock-daemon`, mounted into every sandbox as `/usr/local/bin/daytona`.
//!
//! * no subcommand (as the container's entrypoint): [`init`](paddock_daemon::init), PID 1
//! * `serve`: [`serve`](paddock_daemon::serve), the HTTP server; init starts it with `--inherited` and
//!   the container's own command
//! * `pause`: [`pause`](paddock_daemon::pause), the only process of a pause container

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let end = match words.as_slice() {
        ["--version"] => {
            println!("paddock-daemon {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
        ["pause"] => paddock_daemon::pause::run(),
        ["serve"] => paddock_daemon::serve::run(false, &[]),
        ["serve", "--inherited", ..] => paddock_daemon::serve::run(true, &arguments[2..]),
        _ => paddock_daemon::init::run(&arguments),
    };
    match end {
        Ok(code) => code,
        Err(error) => {
            eprintln!("paddock-daemon: {error:#}");
            ExitCode::FAILURE
        }
    }
}
