//! `cargo xtask simulate`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::binaries;
use crate::paths::repo;
use crate::process::{cargo, command, output, run_shown};
use crate::progress::note;

/// Worlds in which a planted bug must have shown itself.
const PLANTED_SEEDS: u64 = 400;

/// Live through simulated worlds and look whether the invariants of design §11 hold
///
/// Real functions, real agents, one process and no clock: whole lives of sandboxes, decided by a seed. A world that breaks
/// an invariant prints its seed and what happened last; the same seed does the same again.
///
///   cargo xtask simulate --seeds 1000             worlds 1 to 1000
///   cargo xtask simulate --seeds 1 --from 76      that world again
///   cargo xtask simulate --seeds 1 --from 76 --aloud    and all that happens in it
///   cargo xtask simulate --planted                bugs of tests/planted, each in a copy: every one must be found
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Simulate {
    /// How many worlds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Seed of the first
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Tell all that happens
    #[arg(long)]
    aloud: bool,
    /// Live each world twice: both must be the same
    #[arg(long)]
    twice: bool,
    /// Plant each bug of tests/planted in a copy of the repository, and see it found
    #[arg(long, conflicts_with_all = ["aloud", "twice"])]
    planted: bool,
}

impl Simulate {
    pub fn run(&self) -> Result<()> {
        if self.planted {
            return planted();
        }
        let mut flags = Vec::new();
        flags.extend(self.aloud.then_some("--aloud"));
        flags.extend(self.twice.then_some("--twice"));
        let program = binaries::program("simulate")?;
        run_shown(simulation(&program, self.seeds, self.from)?.args(flags))
    }
}

/// So many worlds, as a part of `cargo xtask test`.
pub fn live_through(seeds: u64) -> Result<()> {
    let program = binaries::program("simulate")?;
    run_shown(&mut simulation(&program, seeds, 1)?)
}

fn simulation(program: &Path, seeds: u64, from: u64) -> Result<Command> {
    let mut simulation =
        command(&program.display().to_string(), ["--seeds", &seeds.to_string(), "--from", &from.to_string()]);
    // Machines of worlds write small files and sync each; in memory that costs nothing.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    simulation.env("TMPDIR", scratch).current_dir(repo());
    Ok(simulation)
}

/// Every bug is found by some seed, which is printed.
fn planted() -> Result<()> {
    let mut patches: Vec<PathBuf> =
        fs::read_dir(repo().join("tests/planted"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    patches.sort();
    ensure!(!patches.is_empty(), "there is no patch in tests/planted");
    let mut missed = Vec::new();
    for patch in &patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        note(&format!("Planting {name}:"));
        let program = build_with(patch)?;
        let found = simulation(&program, PLANTED_SEEDS, 1)?.output()?;
        let told = String::from_utf8_lossy(&found.stdout).into_owned();
        match told.lines().find(|line| line.starts_with("seed ")).filter(|_| !found.status.success()) {
            Some(seed) => note(&format!("  found: {}", seed.chars().take(300).collect::<String>())),
            None => missed.push(name),
        }
    }
    if missed.is_empty() {
        note(&format!("All {} planted bugs were found", patches.len()));
        return Ok(());
    }
    bail!("not found in {PLANTED_SEEDS} worlds: {}", missed.join(", "))
}

/// A copy of what git knows here, with the bug. It has a target directory of its own: cargo would take its crates for ours.
fn build_with(patch: &Path) -> Result<PathBuf> {
    let copy = repo().join("target/planted/copy");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    let listed =
        output(command("git", ["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(repo()))?;
    for file in listed.lines().filter(|file| repo().join(file).is_file()) {
        let to = copy.join(file);
        fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        fs::copy(repo().join(file), &to)?;
    }
    // Not `git apply`: in a folder that git ignores it would skip everything in silence.
    run_shown(command("patch", ["-p1", "--quiet", "-i", &patch.display().to_string()]).current_dir(&copy))?;
    let target = repo().join("target/planted/build");
    let mut build = cargo(["build", "--quiet", "-p", "paddock-tests", "--bin", "simulate"]);
    run_shown(build.current_dir(&copy).env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("debug/simulate"))
}
