//! What cargo builds for a stack. One profile serves `up` and `test`, and one selection of features too, so that nothing
//! is compiled twice: features follow from the packages (the whole workspace) and from whether tests or examples are built.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, MetadataCommand};

use crate::interrupt::Watched;
use crate::paths::repo;
use crate::process::{cargo, command, output};
use crate::progress::{detail, step};

/// Binaries that are Lambda functions.
const FUNCTIONS: [&str; 4] = ["api", "agents", "reconcile", "events"];

/// Where the programs of a stack are.
#[derive(Debug, Clone)]
pub struct Binaries {
    pub runner: PathBuf,
    pub localstack: PathBuf,
    /// Static: it runs in every sandbox, whatever its image holds.
    pub daemon: PathBuf,
}

/// Builds everything, or with `build: false` finds what an earlier build left.
pub fn provide(build: bool) -> Result<Binaries> {
    let daemon = if build {
        let found = build_workspace()?;
        place_functions(&found)?;
        step("Building the static daemon", build_daemon)?
    } else {
        target()?.join(host()?).join("daemon/paddock-daemon")
    };
    let debug = target()?.join("debug");
    let binaries =
        Binaries { runner: debug.join("paddock-runner"), localstack: debug.join("paddock-localstack"), daemon };
    for path in [&binaries.runner, &binaries.localstack, &binaries.daemon] {
        if !path.is_file() {
            bail!("{} is missing; leave out --no-build", path.display());
        }
    }
    Ok(binaries)
}

/// Builds and finds one program by name.
pub fn program(name: &str) -> Result<PathBuf> {
    let mut found = build_workspace()?;
    found.remove(name).with_context(|| format!("cargo built no {name}"))
}

/// Builds every program but this one, which runs, and the examples, which tests run as programs.
pub fn build_workspace() -> Result<BTreeMap<String, PathBuf>> {
    let metadata = MetadataCommand::new().current_dir(repo()).no_deps().exec()?;
    let packages = metadata.packages.iter().filter(|package| package.name != env!("CARGO_PKG_NAME"));
    let programs = packages.flat_map(|package| &package.targets).filter(|target| target.is_bin());
    let mut args = vec!["--workspace", "--examples"];
    args.extend(programs.flat_map(|program| ["--bin", &program.name]));
    step("Building the programs", || cargo_build(&args, |_| {}))
}

fn build_daemon() -> Result<PathBuf> {
    let host = host()?;
    let args = ["--package", "paddock-daemon", "--profile", "daemon", "--target", &host];
    let mut found = cargo_build(&args, |build| {
        // With --target these flags stay away from build scripts and from the other programs.
        build.env("RUSTFLAGS", "-C target-feature=+crt-static");
    })?;
    found.remove("paddock-daemon").context("cargo built no paddock-daemon")
}

/// Runs cargo and returns the executables it made, by name.
fn cargo_build(args: &[&str], adjust: impl Fn(&mut Command)) -> Result<BTreeMap<String, PathBuf>> {
    let mut build = cargo(["build", "--message-format", "json-render-diagnostics"]);
    build.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    adjust(&mut build);
    let mut watched = Watched::spawn(&mut build).context("cannot run cargo")?;
    let (out, err) = (watched.child.stdout.take(), watched.child.stderr.take());
    let (found, log) = std::thread::scope(|scope| {
        let log = scope.spawn(|| err.map(|pipe| collect_log(BufReader::new(pipe))).unwrap_or_default());
        let found = out.map(|pipe| collect_executables(BufReader::new(pipe))).unwrap_or_default();
        (found, log.join().unwrap_or_default())
    });
    if !watched.wait()?.success() {
        bail!("cargo build failed:\n{log}");
    }
    Ok(found)
}

fn collect_executables(pipe: impl BufRead) -> BTreeMap<String, PathBuf> {
    let messages = Message::parse_stream(pipe).map_while(Result::ok);
    let artifacts = messages.filter_map(|message| match message {
        Message::CompilerArtifact(artifact) => artifact.executable.map(|path| (artifact.target.name, path.into())),
        _ => None,
    });
    artifacts.collect()
}

fn collect_log(pipe: impl BufRead) -> String {
    let mut log = String::new();
    for line in pipe.lines().map_while(Result::ok) {
        detail(&line);
        if !line.trim_start().starts_with("Compiling") {
            log.push_str(&line);
            log.push('\n');
        }
    }
    log
}

/// The template's CodeUri is `target/lambda/<name>/bootstrap`. Renamed into place: a running function keeps its old file.
fn place_functions(found: &BTreeMap<String, PathBuf>) -> Result<()> {
    for name in FUNCTIONS {
        let built = found.get(name).with_context(|| format!("cargo built no function {name}"))?;
        let folder = repo().join("target/lambda").join(name);
        fs::create_dir_all(&folder)?;
        let part = folder.join("bootstrap.part");
        let _ = fs::remove_file(&part);
        // Another file system cannot hard-link.
        fs::hard_link(built, &part).or_else(|_| fs::copy(built, &part).map(|_| ()))?;
        fs::rename(&part, folder.join("bootstrap"))?;
    }
    Ok(())
}

fn target() -> Result<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(repo()).no_deps().exec()?;
    Ok(metadata.target_directory.into())
}

/// The host triple, as `rustc -vV` says it.
fn host() -> Result<String> {
    let text = output(&mut command("rustc", ["-vV"]))?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc -vV names no host")
}
