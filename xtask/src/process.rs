//! Running other programs.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::interrupt::{Watched, is_interrupted};
use crate::paths::repo;
use crate::progress;

/// Lines of a failed program's output that are worth showing.
const TAIL: usize = 40;
/// Of a program whose output are findings, all are; this many are kept.
const FINDINGS: usize = 4000;

/// A command with its arguments.
pub fn command<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Cargo, as if called from a shell. `cargo run` describes xtask in CARGO_PKG_* and the like; build scripts that look at
/// those (ring's) would run again, and half of the tree be compiled anew, each time somebody calls cargo directly.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut cargo = Command::new("cargo");
    if std::env::var_os("CI").is_some() {
        cargo.arg("--config").arg(repo().join(".cargo/ci.toml"));
    }
    cargo.args(args);
    let told_by_cargo = |name: &str| {
        let whole = [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_MANIFEST_PATH",
            "CARGO_BIN_NAME",
            "CARGO_CRATE_NAME",
            "LD_LIBRARY_PATH",
        ];
        whole.contains(&name) || name.starts_with("CARGO_PKG_")
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| told_by_cargo(name)).for_each(|name| {
        cargo.env_remove(name);
    });
    cargo.current_dir(repo());
    cargo
}

/// Runs quietly; the latest line goes to the progress, and the tail of everything into the error.
pub fn run(command: &mut Command) -> Result<()> {
    run_keeping(command, TAIL)
}

/// Like [`run`], for a program whose output says what is wrong.
pub fn run_for_findings(command: &mut Command) -> Result<()> {
    run_keeping(command, FINDINGS)
}

fn run_keeping(command: &mut Command, limit: usize) -> Result<()> {
    let text = describe(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watched = Watched::spawn(command).with_context(|| format!("cannot run {text}"))?;
    let (out, err) = (watched.child.stdout.take(), watched.child.stderr.take());
    let tail = std::thread::scope(|scope| {
        let reader = scope.spawn(|| out.map(|pipe| follow_lines(pipe, limit)).unwrap_or_default());
        let mut tail = err.map(|pipe| follow_lines(pipe, limit)).unwrap_or_default();
        tail.extend(reader.join().unwrap_or_default());
        tail
    });
    let status = watched.wait()?;
    if status.success() {
        return Ok(());
    }
    bail!("{text}: {status}\n{}", Vec::from(tail).join("\n"))
}

/// Runs with our own output; for tools whose output is the result.
pub fn run_shown(command: &mut Command) -> Result<()> {
    let text = describe(command);
    let watched = Watched::spawn(command.stdin(Stdio::null())).with_context(|| format!("cannot run {text}"))?;
    let status = watched.wait()?;
    if status.success() { Ok(()) } else { bail!("{text}: {status}") }
}

/// Standard output of a program that must succeed, trimmed.
pub fn output(command: &mut Command) -> Result<String> {
    let text = describe(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {text}"))?;
    if !output.status.success() {
        bail!("{text}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program ends well; its output does not matter.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Asks again and again whether something outside of this process has happened.
pub fn wait_until(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !probe()? {
        if is_interrupted() {
            bail!("interrupted while waiting until {what}");
        }
        if begun.elapsed() > limit {
            bail!("waited {} s in vain until {what}", limit.as_secs());
        }
        pause(Duration::from_millis(100));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "between two questions to another program that sends us no event")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Networks, firewall rules and containers are root's to make and to see.
pub fn require_root(what: &str) -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    bail!(
        "sandboxes need networks and firewall rules of their own, which only root may make. In a root shell with the same PATH:\n    {what}\n\
         What root builds in target/ only root can build again; CARGO_TARGET_DIR keeps it apart."
    )
}

/// Looks a program up as the shell would, and where Debian keeps those of root.
pub fn installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|folder| Path::new(folder).join(program).is_file())
}

/// The last lines of a log.
pub fn tail(path: &Path) -> String {
    let Ok(text) = std::fs::read_to_string(path) else { return String::new() };
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// Keeps the last lines; the compiler's progress is none of them.
fn follow_lines(pipe: impl Read, limit: usize) -> VecDeque<String> {
    let mut tail = VecDeque::new();
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        if !line.trim().is_empty() {
            progress::detail(&line);
        }
        if ["Compiling", "Checking", "Blocking"].iter().any(|word| line.trim_start().starts_with(word)) {
            continue;
        }
        if tail.len() == limit {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    tail
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let text = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    text.chars().take(200).collect()
}
