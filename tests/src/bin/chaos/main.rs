//! `cargo xtask chaos`: sandboxes live on a real stack while its processes and containers are killed and its AWS endpoint
//! misbehaves. Afterwards nothing may be stuck, lost or left over; what is, is counted, and the exit code says so.
//!
//! `chaos MINUTES [SEED]`. The seed repeats the choices (what each worker does next, what is killed when), not the run: how
//! long everything takes on a real stack, and so what a fault hits, is different each time.
//!
//! * [`load`] workers: each makes a sandbox with a tree of files, walks it through its states, and deletes it; start here
//! * [`reach`] one wish until it is fulfilled, whatever fails meanwhile
//! * [`kills`], [`storms`] the faults
//! * [`world`] what is known of the sandboxes, and what went wrong
//! * [`end`] what must be so when it is quiet again
//! * [`leaks`] what must not be left, counted

mod end;
mod kills;
mod leaks;
mod load;
mod reach;
mod storms;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::world::World;

/// Who work at once.
const WORKERS: u64 = 6;
/// Streams of choices beside those of the workers.
const KILLS: u64 = 1000;
const STORMS: u64 = 1001;

const BETWEEN_REPORTS: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let minutes: u64 = arguments.next().context("usage: chaos MINUTES [SEED]")?.parse()?;
    let seed = arguments.next().map(|seed| seed.parse()).transpose()?.unwrap_or_else(|| rand::random::<u32>().into());
    println!("chaos: seed {seed}, {minutes} minutes, {WORKERS} workers");
    println!("`--seed {seed}` repeats the choices; what they hit depends on the machine's pace");

    let world = World::new();
    ensure!(world.api.list().await?.is_empty(), "the organization has sandboxes: this stack is somebody's");
    let blobs = leaks::blobs()?;
    rage(&world, seed, Duration::from_secs(minutes * 60)).await?;
    end::settle(&world).await?;
    let rows = leaks::count(&world, &blobs).await;
    Ok(leaks::judge(&world, &rows))
}

/// Load and faults at once, for so long.
async fn rage(world: &World, seed: u64, time: Duration) -> Result<()> {
    let choices = |stream: u64| StdRng::seed_from_u64(seed.wrapping_mul(10_007).wrapping_add(stream));
    let workers = join_all((0..WORKERS).map(|number| load::work(world, seed, number, choices(number))));
    let all = async {
        tokio::join!(
            workers,
            kills::go_on(world, choices(KILLS)),
            storms::go_on(world, choices(STORMS)),
            report(world, BETWEEN_REPORTS)
        )
    };
    // All of them go on for ever. What is cut off in the middle is found again by its name.
    let _ = tokio::time::timeout(time, all).await;
    storms::end().await
}

async fn report(world: &World, each: Duration) {
    loop {
        tokio::time::sleep(each).await;
        world.say(&world.progress());
    }
}
