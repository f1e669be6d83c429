//! `cargo xtask test`: the one command of CI.

use anyhow::Result;
use clap::Args;

use crate::binaries::build_workspace;
use crate::check;
use crate::commands::simulate::live_through;
use crate::engine::install_packages;
use crate::image::{Source, check_content, provide_default};
use crate::paths::StateDir;
use crate::process::{cargo, command, installed, run_shown, succeeds};
use crate::progress::note;
use crate::trial::{Report, Trial};

/// Where the stack under test lives; never the stack of whoever runs the tests.
const STACK: Trial = Trial { folder: ".paddock-test", logs: "e2e-logs" };

/// Worlds that CI lives through.
const SIMULATED: u64 = 200;

/// Test programs that need a container engine but no stack.
const ENGINE_TESTS: [&str; 3] = ["engine_contract", "docker_sandbox", "docker_exports"];

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
            if self.filter.is_none() {
                report.run("simulation", || live_through(SIMULATED));
            }
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
        STACK.run(report, |state, report| {
            report.run("image", || provide_default(Source::Auto).and_then(|tag| check_content(&tag)));
            report.run("engine tests", || self.engine_tests());
            report.run("end-to-end tests", || self.end_to_end(state));
        });
    }

    fn end_to_end(&self, state: &StateDir) -> Result<()> {
        let mut tests = cargo(["test", "--workspace", "--test", "e2e", "--"]);
        note("End-to-end tests:");
        run_shown(tests.args(&self.filter).env("PADDOCK_E2E_ENV", state.env_file()))
    }
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
