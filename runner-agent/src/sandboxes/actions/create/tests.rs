use paddock_wire::work::Wish;
use uuid::Uuid;

use super::*;
use crate::{
    engine::{Engine, fake::FakeEngine},
    network::firewall::Firewall,
    sandboxes::{environment::tests::work, host::tests::host},
};

async fn make(host: &Host, work: &Work, cancel: &CancellationToken) -> Result<Made, Failure> {
    create(host, work, &Env::new(), true, &AtomicBool::new(false), cancel).await
}

/// Makes so many networks in advance.
async fn stock(host: &Host, count: usize) {
    let mut slots = Vec::new();
    for _ in 0..count {
        slots.push(host.slots.take(Uuid::new_v4()).await.unwrap());
    }
    slots.into_iter().for_each(|slot| host.slots.give_back(slot));
}

#[tokio::test]
async fn a_network_that_an_unheard_of_container_may_use_is_not_used_again() {
    let engine = FakeEngine::new(&["image:1"]);
    let state = tempfile::tempdir().unwrap();
    let host = host(&engine, state.path()).await;
    let work = work(Uuid::new_v4(), 1, 1, Wish::Started);
    stock(&host, 1).await;
    engine.leave_in_create();
    let cancel = CancellationToken::new();
    let cancelled = async {
        while !engine.is_away() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (made, ()) = tokio::join!(make(&host, &work, &cancel), cancelled);
    assert!(matches!(made, Err(Failure::Unavailable(_))));

    engine.set_away(false);
    let unheard_of = engine.inspect(&container_name(work.sandbox_id)).await.unwrap().unwrap();
    let next = host.slots.take(Uuid::new_v4()).await.unwrap();
    assert_ne!(unheard_of.labels.sandbox().unwrap().pause, next.pause);
}

#[tokio::test]
async fn stock_that_an_engines_restart_ended_fails_no_creation() {
    let engine = FakeEngine::new(&["image:1"]);
    let state = tempfile::tempdir().unwrap();
    let host = host(&engine, state.path()).await;
    stock(&host, 3).await;
    engine.restart();
    let work = work(Uuid::new_v4(), 1, 1, Wish::Started);
    let made = make(&host, &work, &CancellationToken::new()).await.unwrap();
    assert!(made.address.is_some());
    assert!(engine.inspect(&made.body.slot.pause).await.unwrap().unwrap().running);
    let next = host.slots.take(Uuid::new_v4()).await.unwrap();
    assert!(engine.inspect(&next.pause).await.unwrap().unwrap().running, "the rest of the dead stock is put away");
}

#[tokio::test]
async fn without_rules_nothing_is_made() {
    let engine = FakeEngine::new(&["image:1"]);
    let state = tempfile::tempdir().unwrap();
    let mut host = host(&engine, state.path()).await;
    let never_applied = Firewall::new(Uuid::new_v4(), "bridge", [10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap());
    std::sync::Arc::get_mut(&mut host).unwrap().firewall = Some(std::sync::Arc::new(never_applied));
    let work = work(Uuid::new_v4(), 1, 1, Wish::Started);
    let made = make(&host, &work, &CancellationToken::new()).await;
    assert!(matches!(made, Err(Failure::NoRoom(_))));
    assert_eq!(engine.ever_created(), 0);
}
