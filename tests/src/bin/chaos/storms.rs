//! Storms of the AWS endpoint: for some seconds its table throttles or loses answers, its queues double or delay messages.

use std::time::Duration;

use anyhow::Result;
use paddock_tests::faults;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::world::World;

const CALM_SECONDS: std::ops::Range<u64> = 8..25;
const STORM_SECONDS: std::ops::Range<u64> = 3..12;
/// A switch is on in every other storm or so.
const CHANCE: f64 = 0.4;

/// For ever.
pub async fn go_on(world: &World, mut choices: StdRng) {
    loop {
        let (calm, storm) = (choices.random_range(CALM_SECONDS), choices.random_range(STORM_SECONDS));
        let plan = plan(&mut choices);
        tokio::time::sleep(Duration::from_secs(calm)).await;
        match faults::set(&plan).await {
            Ok(()) => world.fault(&format!("{storm} s of {plan}")),
            Err(problem) => world.say(&format!("no storm: {problem:#}")),
        }
        tokio::time::sleep(Duration::from_secs(storm)).await;
        if let Err(problem) = end().await {
            world.say(&format!("a storm that does not end: {problem:#}"));
        }
        world.disturbed();
    }
}

/// All switches off.
pub async fn end() -> Result<()> {
    faults::set(&json!({})).await
}

fn plan(choices: &mut StdRng) -> Value {
    let every = |choices: &mut StdRng| json!(format!("1/{}", choices.random_range(3..12)));
    let switches = [
        ("throttle", every(choices)),
        ("conflict", every(choices)),
        ("lost-answer", every(choices)),
        ("sqs-double", json!("1/1")),
        ("sqs-delay", json!(choices.random_range(1..5))),
        ("sqs-reorder", json!(true)),
    ];
    let sure = choices.random_range(0..switches.len());
    let on = switches.into_iter().enumerate().filter(|(n, _)| *n == sure || choices.random_bool(CHANCE));
    on.map(|(_, (name, value))| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}
