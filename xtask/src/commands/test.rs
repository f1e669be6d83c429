//! `cargo xtask test`: the one command of CI.

use std::fs;
use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};
use clap::Args;

use super::down::take_down;
use crate::binaries::build_workspace;
use crate::check;
use crate::engine::{self, install_packages};
use crate::image::{Source, check_content, provide_default};
use crate::interrupt::{self, is_interrupted};
use crate::paths::{StateDir, repo};
use crate::process::{cargo, command, installed, output, run_shown, succeeds, tail};
use crate::progress::note;
use crate::stack::free_port_block;

/// Where the stack under test lives; never the stack of whoever runs the tests.
const STATE: &str = ".paddock-test";
const RUNNERS: u16 = 2;

/// Test programs that need a container engine but no stack.
const ENGINE_TESTS: [&str; 2] = ["engine_contract", "docker_sandbox"];

/// Run everything that CI runs
///
/// Installs what is missing (and says what for), checks the form, runs the unit tests, brings up a stack of its own
/// (own ports, own state, own deployment) with two runners, runs the end-to-end tests with the official SDKs against it, takes it
/// down, makes sure that nothing is left behind, and shows all failures at the end. Needs root, for the sandboxes.
///
///   cargo xtask test                 everything
///   cargo xtask test stop_start      only tests whose name contains this; no checks
///   cargo xtask test --unit          no stack, no Docker
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Test {
    /// Part of a test's name
    filter: Option<String>,
    /// Only what needs no stack
    #[arg(long)]
    unit: bool,
    /// Only what needs a stack
    #[arg(long, conflicts_with = "unit")]
    e2e: bool,
}

impl Test {
    pub fn run(&self) -> Result<()> {
        install_needs(!self.unit)?;
        let mut report = Report::default();
        if !self.e2e {
            if self.filter.is_none() {
                report.run("check", check::run);
            }
            report.run("unit tests", || self.unit_tests());
        }
        if !self.unit {
            self.with_stack(&mut report);
        }
        report.finish()
    }

    fn unit_tests(&self) -> Result<()> {
        note("Unit tests:");
        // Tests start examples as programs, and with targets named cargo would build only those.
        build_workspace()?;
        let mut tests = cargo(["test", "--no-fail-fast", "--workspace", "--lib", "--bins"]);
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
        let targets = metadata.packages.iter().flat_map(|package| &package.targets);
        let names = targets.filter(|target| target.is_test()).map(|target| target.name.as_str());
        let alone = names.filter(|name| *name != "e2e" && !ENGINE_TESTS.contains(name));
        run_shown(tests.args(alone.flat_map(|name| ["--test", name])).args(&self.filter))
    }

    /// Tests of single parts against a real engine: `up` has started one.
    fn engine_tests(&self) -> Result<()> {
        note("Tests with the container engine:");
        let mut tests = cargo(["test", "--no-fail-fast", "--workspace"]);
        run_shown(tests.args(ENGINE_TESTS.iter().flat_map(|binary| ["--test", binary])).arg("--").args(&self.filter))
    }

    fn with_stack(&self, report: &mut Report) {
        let state = StateDir::new(Path::new(STATE));
        if state.path().exists() {
            report.run("clean-up of an earlier run", || take_down(&state, true));
        }
        let engine_was_there = engine::answers();
        if report.run("stack", bring_up) {
            report.run("image", || provide_default(Source::Auto).and_then(|tag| check_content(&tag)));
            report.run("engine tests", || self.engine_tests());
            report.run("end-to-end tests", || self.end_to_end(&state));
        }
        // Whoever interrupts the tests wants them gone, not left as they are.
        interrupt::resume();
        if report.has_failures() {
            report.run("logs", || keep_logs(&state));
        }
        // The wipe itself fails when anything is left behind.
        let engine_as_before = || {
            ensure!(engine_was_there || !engine::answers(), "a container engine that was not there before still runs");
            ensure!(
                engine_was_there || !engine::root_is_mounted()?,
                "the engine's folder is still mounted onto itself"
            );
            Ok(())
        };
        report.run("nothing is left behind", || {
            remove_test_hosts();
            take_down(&state, true).and_then(|()| engine_as_before())
        });
    }

    fn end_to_end(&self, state: &StateDir) -> Result<()> {
        let mut tests = cargo(["test", "--workspace", "--test", "e2e", "--"]);
        note("End-to-end tests:");
        run_shown(tests.args(&self.filter).env("PADDOCK_E2E_ENV", state.env_file()))
    }
}

/// In a process of its own: the supervisor's signals and children are not those of the tests.
fn bring_up() -> Result<()> {
    let ports = free_port_block(5 + 2 * RUNNERS)?;
    let mut up = command(&std::env::current_exe()?.display().to_string(), ["up", "--detach", "--state-dir", STATE]);
    up.arg("--runners").arg(RUNNERS.to_string());
    let flags =
        [("--api-port", 0), ("--aws-port", 1), ("--ssh-port", 2), ("--edge-port", 3), ("--relay-port", 3 + RUNNERS)];
    for (flag, offset) in flags {
        up.arg(flag).arg((ports + offset).to_string());
    }
    run_shown(up.current_dir(repo()))
}

/// What the tests use beside cargo.
fn install_needs(stack: bool) -> Result<()> {
    let mut needs = vec![("cc", "build-essential", "C parts (SQLite, aws-lc)")];
    if stack {
        needs.extend([
            ("python3", "python3-venv", "the official Python SDK"),
            ("node", "nodejs", "the official TypeScript SDK"),
            ("npm", "npm", "the official TypeScript SDK"),
        ]);
    }
    let missing: Vec<_> = needs.into_iter().filter(|(program, ..)| !installed(program)).collect();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
        let reasons: Vec<&str> = missing.iter().map(|(.., reason)| *reason).collect();
        install_packages(&packages, &format!("the tests use {}", reasons.join(", ")))?;
    }
    // Debian packs venv apart from python3.
    if stack && !succeeds(&mut command("python3", ["-c", "import ensurepip, venv"])) {
        install_packages(&["python3-venv"], "the tests install SDK versions side by side")?;
    }
    Ok(())
}

/// Where they survive the wipe, and the end of each for whoever has only this output.
fn keep_logs(state: &StateDir) -> Result<()> {
    let Ok(logs) = fs::read_dir(state.logs()) else { return Ok(()) };
    let kept = repo().join("target/e2e-logs");
    fs::create_dir_all(&kept)?;
    for log in logs.flatten() {
        fs::copy(log.path(), kept.join(log.file_name()))?;
        note(&format!("--- end of {}\n{}", log.path().display(), tail(&log.path())));
    }
    note(&format!("All logs: {}", kept.display()));
    Ok(())
}

/// Network namespaces that play other hosts; tests that were killed could not remove them.
fn remove_test_hosts() {
    let Ok(listed) = output(&mut command("ip", ["netns", "list"])) else { return };
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| name.starts_with("paddock-test-")) {
        note(&format!("removing network namespace {name}, left by a test"));
        let _ = succeeds(&mut command("ip", ["netns", "delete", name]));
    }
}

/// All results, told together at the end.
#[derive(Default)]
struct Report(Vec<(&'static str, Result<()>)>);

impl Report {
    /// Does a part, unless somebody wants us to end; whether it went well.
    fn run(&mut self, part: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        let result = if is_interrupted() { Err(anyhow!("interrupted")) } else { work() };
        if let Err(error) = &result {
            note(&format!("FAILED: {part}: {error:#}"));
        }
        let good = result.is_ok();
        self.0.push((part, result));
        good
    }

    fn has_failures(&self) -> bool {
        self.0.iter().any(|(_, result)| result.is_err())
    }

    fn finish(self) -> Result<()> {
        note("\nSummary");
        for (part, result) in &self.0 {
            note(&format!("  {} {part}", if result.is_ok() { "ok    " } else { "FAILED" }));
        }
        let failures: Vec<String> =
            self.0.into_iter().filter_map(|(part, result)| Some(format!("# {part}\n{:#}", result.err()?))).collect();
        if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n\n")) }
    }
}
