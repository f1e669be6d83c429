//! `cargo xtask bench`: every figure of design §10 that this stage has, beside its alternative, from one run.
//! It prints and never judges by exit code: machines differ, and a figure without its neighbour says little.
//!
//! * `creates` create → first code run, warm and cold, beside bare Docker; the burst
//! * `calls` exec, GET, uploads and downloads, beside `docker exec` and a plain HTTP copy
//! * `costs` memory of a daemon, Lambda init, table and queue calls of a sandbox's life
//! * `lives` archive and restore beside `tar | zstd`, fork, stop and pause beside Docker's
//! * `bare` the alternatives

mod bare;
mod calls;
mod costs;
mod creates;
mod lives;

use anyhow::{Result, ensure};
use paddock_tests::api::Api;
use paddock_tests::measure::Report;
use paddock_tests::stack::STACK;

#[tokio::main]
async fn main() -> Result<()> {
    let api = Api::owner();
    ensure!(api.list().await?.is_empty(), "the organization has sandboxes: figures would be of a busy machine");
    println!("machine: {}\n", machine());

    let mut report = Report::default();
    creates::measure(&api, &mut report).await?;
    calls::measure(&api, &mut report).await?;
    lives::measure(&api, &mut report).await?;
    costs::measure(&api, &mut report).await?;

    println!("{}", report.table());
    let file = STACK.state_dir().join("bench.md");
    std::fs::write(&file, format!("{}\n\n{}", machine(), report.markdown()))?;
    println!("\nAs markdown: {}", file.display());
    ensure!(api.list().await?.is_empty(), "the benchmark left sandboxes behind");
    Ok(())
}

fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("{cpus} CPUs, load {load} at the start, benchmark client is a {build} build")
}
