use futures::FutureExt;

use super::*;
use crate::engine::{NetworkSpec, fake::FakeEngine};

async fn slots(engine: &FakeEngine, stock: usize) -> Slots {
    let spec = NetworkSpec {
        deployment: "d".to_owned(),
        runner: "r".to_owned(),
        name: "n".to_owned(),
        bridge: "b".to_owned(),
        subnet: "10.0.0.0/24".parse().unwrap(),
    };
    let network = engine.ensure_network(&spec).await.unwrap();
    let spec = SlotSpec {
        deployment: spec.deployment,
        runner: spec.runner,
        image: "pause".to_owned(),
        network: spec.name,
        stock,
    };
    Slots::new(Arc::new(engine.clone()), spec, &network, Starts::new(2))
}

async fn filled(engine: &FakeEngine, stock: usize) -> Slots {
    let slots = slots(engine, stock).await;
    while slots.fill_by_one().await.unwrap() {}
    slots
}

async fn sweep(slots: &Slots, engine: &FakeEngine) {
    slots.sweep(&engine.list("d", "r").await.unwrap()).await;
}

#[tokio::test]
async fn stock_is_filled_used_and_filled_again() {
    let engine = FakeEngine::new(&["pause"]);
    let slots = filled(&engine, 2).await;
    assert_eq!(engine.names().len(), 2);
    let taken = slots.take(Uuid::new_v4()).await.unwrap();
    assert_eq!(engine.ever_created(), 2, "from stock");
    while slots.fill_by_one().await.unwrap() {}
    assert_eq!(engine.ever_created(), 3);
    slots.release(taken).await;
    assert_eq!(engine.names().len(), 2);
}

#[tokio::test]
async fn stock_waits_while_something_starts_unless_there_is_none() {
    let engine = FakeEngine::new(&["pause"]);
    let slots = slots(&engine, 2).await;
    let starts: Vec<_> = futures::future::join_all((0..4).map(|_| slots.starts.begin())).await;
    assert!(slots.fill_by_one().now_or_never().is_none(), "all turns are taken");
    drop(starts);
    let _start = slots.starts.begin().await;
    assert!(slots.fill_by_one().await.unwrap(), "a turn is spare, and there is no stock");
    assert!(slots.fill_by_one().now_or_never().is_none(), "there is stock, and something starts");
}

#[tokio::test]
async fn a_slot_that_could_not_be_removed_is_removed_later() {
    let engine = FakeEngine::new(&["pause"]);
    let slots = slots(&engine, 0).await;
    let slot = slots.take(Uuid::new_v4()).await.unwrap();
    engine.set_away(true);
    slots.release(slot).await;
    let now = Instant::now();
    let again = slots.collect_due(now).await.expect("it is still there");
    assert!(again > now);
    engine.set_away(false);
    assert_eq!(slots.collect_due(again).await, None);
    assert!(engine.names().is_empty());
}

#[tokio::test]
async fn what_a_new_agent_finds_unused_is_not_used_again() {
    let engine = FakeEngine::new(&["pause"]);
    let old = filled(&engine, 2).await;
    let before: Vec<_> = engine.list("d", "r").await.unwrap();
    drop(old);
    let new = slots(&engine, 2).await;
    new.adopt(&before);
    let taken = new.take(Uuid::new_v4()).await.unwrap();
    assert!(before.iter().all(|old| old.id != taken.pause && old.labels.address != taken.address));
    assert_eq!(new.collect_due(Instant::now()).await, None);
    assert_eq!(engine.names().len(), 1, "nobody knows whom the old ones served");
}

#[tokio::test]
async fn stock_that_an_engines_restart_ended_is_replaced() {
    let engine = FakeEngine::new(&["pause"]);
    let slots = filled(&engine, 2).await;
    engine.restart();
    sweep(&slots, &engine).await;
    while slots.fill_by_one().await.unwrap() {}
    assert_eq!(slots.collect_due(Instant::now()).await, None);
    assert_eq!(engine.names().len(), 2);
    assert!(engine.names().iter().all(|(_, running)| *running));
}

#[tokio::test]
async fn what_nobody_heard_of_is_removed_and_what_is_being_made_is_not() {
    let engine = FakeEngine::new(&["pause"]);
    let slots = slots(&engine, 1).await;
    engine.leave_in_create();
    assert!(slots.fill_by_one().await.is_err());
    engine.set_away(false);
    let listed = engine.list("d", "r").await.unwrap();
    slots.state().making.insert(listed[0].labels.address);
    for _ in 0..3 {
        sweep(&slots, &engine).await;
    }
    assert_eq!(engine.names().len(), 1, "its maker may still be told of it");
    slots.state().making.clear();
    sweep(&slots, &engine).await;
    assert_eq!(engine.names().len(), 1, "once may be by chance");
    sweep(&slots, &engine).await;
    assert!(engine.names().is_empty());
}

#[tokio::test]
async fn a_runner_without_addresses_says_so() {
    let engine = FakeEngine::new(&["pause"]);
    let slots = slots(&engine, 0).await;
    for _ in 0..253 {
        slots.take(Uuid::new_v4()).await.unwrap();
    }
    assert!(matches!(slots.take(Uuid::new_v4()).await, Err(SlotError::NoAddress)));
}
