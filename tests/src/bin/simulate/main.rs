//! `cargo xtask simulate`: whole lives of the control plane and of runners in one process, decided by a seed.
//!
//! Real functions over the embedded DynamoDB, real agents over the fake container engine; no socket and no clock: one
//! thread per world, whose time jumps. Messages are lost, doubled, delayed and reordered, functions and agents end at any
//! await, and a random user does this and that. The invariants of design §11 are looked at all the while. What is not
//! real: the edge (its gate is played by `user`), and packing and unpacking of files (`files`).
//!
//! | module | what |
//! |---|---|
//! | `world` | one seed's world, from bootstrap to the last deletion; start here |
//! | `user`, `machine`, `cloud` | who takes part |
//! | `aws` | table, queues and bucket behind the SDK's connector |
//! | `life`, `engine`, `files` | what an agent's process reaches, and how it ends |
//! | `invariants` | what must hold |
//! | `chance`, `clock`, `trace` | luck, time, memory |

mod aws;
mod chance;
mod clock;
mod cloud;
mod engine;
mod files;
mod invariants;
mod life;
mod machine;
mod trace;
mod user;
mod world;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use clap::Parser;

/// Simulates worlds and looks whether the invariants hold
#[derive(Parser)]
struct Arguments {
    /// How many worlds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Seed of the first
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Tell all that happens (for one seed)
    #[arg(long)]
    aloud: bool,
    /// Live each world twice and compare
    #[arg(long)]
    twice: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(arguments.from), AtomicBool::new(false));
    let end = arguments.from + arguments.seeds;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    if !holds(seed, &arguments) {
                        failed.store(true, Ordering::Relaxed);
                    }
                    if (seed + 1 - arguments.from) % 50 == 0 {
                        println!("{} worlds, {:.0?}", seed + 1 - arguments.from, began.elapsed());
                    }
                }
            });
        }
    });
    if failed.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    println!("{} worlds held, {:.0?}", arguments.seeds, began.elapsed());
    ExitCode::SUCCESS
}

fn holds(seed: u64, arguments: &Arguments) -> bool {
    let outcome = world::run(seed, arguments.aloud);
    if arguments.twice && world::run(seed, false).digest != outcome.digest {
        println!("seed {seed}: two lives of one world differ");
        return false;
    }
    let Some(broken) = outcome.broken else { return true };
    println!("seed {seed}: {broken}\n\nWhat happened last:\n{}\n", outcome.tail.join("\n"));
    println!("Again: cargo xtask simulate --seeds 1 --from {seed}");
    false
}
