//! The owner task on the fake engine: whole lives, lost and doubled messages, failures at every step.

mod support;

use std::{path::Path, sync::Arc};

use futures::FutureExt;
use paddock_runner_agent::{
    engine::{EngineError, Space, fake::FakeEngine},
    sandboxes::registry::{Letter, Phase},
};
use paddock_wire::work::{Env, Observed, Wish, Work};
use support::{Rig, next, seal};
use uuid::Uuid;

const IMAGE: &str = "image:1";
/// Look, image, container, its start, and how it then is.
const CALLS_OF_A_CREATION: usize = 5;

async fn rig() -> (Rig, FakeEngine) {
    let engine = FakeEngine::new(&[IMAGE]);
    // Fake containers run no program, but there must be one to run.
    let daemon = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let rig = Rig::start(Arc::new(engine.clone()), &daemon).await;
    (rig, engine)
}

#[tokio::test]
async fn a_whole_life() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    rig.running(&created).await;
    let stopped = next(&created, Wish::Stopped { force: false });
    rig.reach(&stopped).await;
    let started = next(&stopped, Wish::Started);
    rig.reach(&started).await;
    rig.running(&started).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 1, "one container, for stop and start too");
    let gone = next(&started, Wish::Destroyed);
    rig.reach(&gone).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 0);
    let host = &rig.runner.as_ref().unwrap().host;
    assert_eq!(host.holdings.allocated().sandboxes, 0);
    assert!(!host.files.door_dir(created.sandbox_id).exists());
    assert!(engine.names().iter().all(|(name, _)| name.ends_with("-net")), "only stock is left");
}

#[tokio::test]
async fn a_claimed_pool_sandbox_has_its_environment_before_doors_open() {
    let (rig, engine) = rig().await;
    let mut pooled = rig.first_work(IMAGE);
    pooled.spec.organization_id = None;
    rig.reach(&pooled).await;
    let mut claimed = next(&pooled, Wish::Started);
    claimed.spec.organization_id = Some(Uuid::new_v4());
    claimed.spec.env = seal(&Env::from([("A".to_owned(), "1".to_owned())]), claimed.sandbox_id);
    rig.wish(&claimed);
    rig.running(&claimed).await;
    let name = format!("paddock-{}", claimed.sandbox_id);
    let organization = claimed.spec.organization_id.unwrap().to_string();
    let knows = |engine: &FakeEngine| {
        let env = engine.env_of(&name).unwrap();
        env.get("A").map(String::as_str) == Some("1") && env.get("DAYTONA_ORGANIZATION_ID") == Some(&organization)
    };
    assert!(knows(&engine));

    // A new server process knows only what the container was made with.
    engine.restart_daemon(&name).await;
    rig.applied(claimed.sandbox_id, |now| now.phase == Phase::Starting || knows(&engine)).await;
    rig.running(&claimed).await;
    assert!(knows(&engine));

    let stopped = next(&claimed, Wish::Stopped { force: true });
    rig.reach(&stopped).await;
    let started = next(&stopped, Wish::Started);
    rig.reach(&started).await;
    assert!(knows(&engine));
    assert_eq!(rig.applied(claimed.sandbox_id, |_| true).await.organization_id, claimed.spec.organization_id);
}

#[tokio::test]
async fn doubled_and_disordered_messages_change_nothing() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    let stopped = next(&created, Wish::Stopped { force: false });
    let started = next(&stopped, Wish::Started);
    rig.wish(&started);
    for copy in [&created, &stopped, &started, &created] {
        rig.send((*copy).clone());
    }
    rig.control.heard(&started, |seen| *seen == Observed::Started).await;
    rig.running(&started).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 1);
    let gone = next(&started, Wish::Destroyed);
    rig.reach(&gone).await;
    let made = engine.ever_created();
    for copy in [&created, &started, &gone] {
        rig.send((*copy).clone());
    }
    rig.control.heard(&gone, |seen| *seen == Observed::Destroyed).await;
    // The owners of late copies have nothing to do but to say so.
    rig.runner.as_ref().unwrap().host.outbox.flushed().await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 0);
    assert!(engine.ever_created() <= made + 2, "at most stock was made");
}

#[tokio::test]
async fn a_creation_that_fails_at_any_step_leaves_nothing() {
    for calls in 0.. {
        let (rig, engine) = rig().await;
        let created = rig.first_work(IMAGE);
        stock_is_full(&engine).await;
        engine.fail_call(calls, EngineError::Rejected);
        rig.wish(&created);
        let end = rig.control.heard(&created, |seen| matches!(seen, Observed::Failed { .. } | Observed::Started)).await;
        if end.observed == Observed::Started {
            if engine.failure_pending() {
                assert!(calls > 4, "some calls must have failed");
                return;
            }
            // A look that fails is repeated, and does no harm.
            continue;
        }
        assert!(!engine.failure_pending(), "it failed before call {calls} did");
        assert_eq!(rig.bodies(created.sandbox_id).await, 0, "after failing call {calls}");
        assert_eq!(rig.runner.as_ref().unwrap().host.holdings.allocated().sandboxes, 0);
        // What failed is over: the next wish finds no traces of it.
        let again = next(&created, Wish::Started);
        rig.reach(&again).await;
    }
}

#[tokio::test]
async fn an_engine_that_goes_away_at_any_step_is_waited_for() {
    for calls in 0..CALLS_OF_A_CREATION {
        let (rig, engine) = rig().await;
        let created = rig.first_work(IMAGE);
        stock_is_full(&engine).await;
        engine.fail_call(calls, EngineError::Unavailable);
        rig.reach(&created).await;
        assert!(!engine.failure_pending(), "call {calls} was never made, and proves nothing");
        rig.running(&created).await;
        assert_eq!(rig.bodies(created.sandbox_id).await, 1);
        assert!(
            rig.control.accepted(created.sandbox_id).iter().all(|it| !matches!(it.observed, Observed::Failed { .. }))
        );
    }
}

#[tokio::test]
async fn reports_wait_for_a_control_plane_that_does_not_hear() {
    let (rig, _engine) = rig().await;
    rig.control.set_deaf(true);
    let created = rig.first_work(IMAGE);
    rig.wish(&created);
    rig.running(&created).await;
    rig.control.set_deaf(false);
    rig.control.heard(&created, |seen| *seen == Observed::Started).await;
}

#[tokio::test]
async fn a_container_that_ends_is_started_again_three_times() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let name = format!("paddock-{}", created.sandbox_id);
    for _ in 0..3 {
        let before = rig.running(&created).await;
        engine.lose(&name, 137, true);
        rig.applied(created.sandbox_id, |now| matches!(now.phase, Phase::Running { addr } if addr != before)).await;
    }
    engine.lose(&name, 137, true);
    let failed = rig.control.heard(&created, |seen| matches!(seen, Observed::Failed { .. })).await;
    assert!(matches!(
        &failed.observed,
        Observed::Failed { reason, recoverable: true } if reason.contains("out of memory")
    ));
    let again = next(&created, Wish::Started);
    rig.reach(&again).await;
}

#[tokio::test]
async fn what_takes_too_much_of_the_disk_is_stopped_and_may_recover() {
    const GIB: u64 = 1 << 30;
    let (rig, engine) = rig().await;
    let (greedy, modest) = (rig.first_work(IMAGE), rig.first_work(IMAGE));
    for work in [&greedy, &modest] {
        rig.reach(work).await;
    }
    let name = |work: &Work| format!("paddock-{}", work.sandbox_id);
    engine.fill(&name(&modest), 3 * GIB);
    engine.fill(&name(&greedy), 4 * GIB);
    let failed = rig.control.heard(&greedy, |seen| matches!(seen, Observed::Failed { .. })).await;
    let Observed::Failed { reason, recoverable } = failed.observed else { unreachable!() };
    assert_eq!((reason.as_str(), recoverable), ("disk limit of 3 GiB exceeded (uses 4.0 GiB)", true));
    assert!(!rig.engine.inspect(&name(&greedy)).await.unwrap().unwrap().running);
    rig.running(&modest).await;
    // Recovered, it may tidy up.
    let again = next(&greedy, Wish::Started);
    rig.reach(&again).await;
    engine.fill(&name(&greedy), GIB);
    rig.running(&again).await;
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_takes_nothing_new() {
    let (rig, engine) = rig().await;
    let before = rig.first_work(IMAGE);
    rig.reach(&before).await;
    engine.set_space(Space { size: 1 << 40, free: 1 << 30 });
    let full = async {
        while rig.runner.as_ref().unwrap().host.holdings.allocated().disk_gib < 1000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, full).await.expect("it is noticed");
    let refused = rig.first_work(IMAGE);
    rig.wish(&refused);
    rig.control.heard(&refused, |seen| matches!(seen, Observed::Refused { .. })).await;
    rig.running(&before).await;
}

#[tokio::test]
async fn a_lost_pause_container_is_mended() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let before = rig.running(&created).await;
    let pause = rig.engine.inspect(&format!("paddock-{}", created.sandbox_id)).await.unwrap().unwrap();
    let pause = pause.labels.sandbox().unwrap().pause.clone();
    let name = rig.engine.inspect(&pause).await.unwrap().unwrap().name;
    engine.lose(&name, 137, false);
    rig.applied(created.sandbox_id, |now| matches!(now.phase, Phase::Running { addr } if addr != before)).await;
    assert!(rig.engine.inspect(&pause).await.unwrap().unwrap().running);
}

#[tokio::test]
async fn an_agent_that_is_killed_adopts_what_runs() {
    let (mut rig, engine) = rig().await;
    let works: Vec<Work> = (0..3).map(|_| rig.first_work(IMAGE)).collect();
    for work in &works {
        rig.reach(work).await;
    }
    let stopped = next(&works[1], Wish::Stopped { force: false });
    rig.reach(&stopped).await;
    let addr = rig.running(&works[0]).await;
    rig.kill_agent().await;
    // Meanwhile: one is destroyed, one is unknown.
    let gone = next(&works[2], Wish::Destroyed);
    rig.control.forget(stopped.sandbox_id);
    let made = engine.ever_created();
    rig.start_agent().await;
    assert_eq!(rig.running(&works[0]).await, addr, "it runs on, untouched");
    rig.reach(&gone).await;
    rig.applied(stopped.sandbox_id, |now| now.phase == Phase::Gone).await;
    assert_eq!(rig.bodies(stopped.sandbox_id).await, 1, "files of the unknown are kept");
    assert_eq!(rig.bodies(gone.sandbox_id).await, 0);
    assert!(engine.ever_created() <= made + 2, "at most stock was made");
}

#[tokio::test]
async fn files_that_are_lost_are_an_error_not_a_reason_to_make_empty_ones() {
    let (rig, _engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let container = rig.engine.inspect(&format!("paddock-{}", created.sandbox_id)).await.unwrap().unwrap();
    rig.engine.remove(&container.id).await.unwrap();
    let failed = rig.control.heard(&created, |seen| matches!(seen, Observed::Failed { .. })).await;
    assert!(matches!(failed.observed, Observed::Failed { recoverable: false, .. }));
    assert_eq!(rig.bodies(created.sandbox_id).await, 0);
    // What belonged to it is not kept for a sandbox that cannot come back.
    let pause = &container.labels.sandbox().unwrap().pause;
    assert_eq!(rig.engine.inspect(pause).await.unwrap(), None);
    assert!(!rig.runner.as_ref().unwrap().host.files.door_dir(created.sandbox_id).exists());
}

#[tokio::test]
async fn a_sandbox_whose_door_cannot_be_opened_runs_on() {
    let (mut rig, _engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let addr = rig.running(&created).await;
    let door = rig.runner.as_ref().unwrap().host.files.door_dir(created.sandbox_id);
    rig.kill_agent().await;
    std::fs::remove_dir_all(&door).unwrap();
    std::fs::write(&door, "in the way").unwrap();
    rig.start_agent().await;
    assert_eq!(rig.running(&created).await, addr, "its daemon was asked, as it could not knock");
}

#[tokio::test]
async fn an_engine_that_restarts_takes_its_stock_along_and_no_creation() {
    let (rig, engine) = rig().await;
    let (before, after) = (rig.first_work(IMAGE), rig.first_work(IMAGE));
    rig.reach(&before).await;
    let addr = rig.running(&before).await;
    stock_is_full(&engine).await;
    engine.restart();
    rig.reach(&after).await;
    rig.running(&after).await;
    // Nobody was told that it ended.
    rig.applied(before.sandbox_id, |now| matches!(now.phase, Phase::Running { addr: new } if new != addr)).await;
    for _ in 0..3 {
        rig.reach(&rig.first_work(IMAGE)).await;
    }
}

#[tokio::test]
async fn a_slow_pull_is_reported_when_asked_about_and_holds_up_nothing_else() {
    let (rig, engine) = rig().await;
    engine.publish("registry.example/slow:1");
    let sending = engine.hold_pulls().await;
    let created = rig.first_work("registry.example/slow:1");
    rig.wish(&created);
    rig.control.heard(&created, |seen| *seen == Observed::PullingSnapshot).await;
    let host = &rig.runner.as_ref().unwrap().host;
    assert!(host.starts.quiet().now_or_never().is_some(), "stock may be made meanwhile");
    rig.send(created.clone());
    let said_again = async {
        while rig.control.accepted(created.sandbox_id).len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, said_again).await.expect("the control plane hears that it goes on");
    drop(sending);
    rig.control.heard(&created, |seen| *seen == Observed::Started).await;
}

#[tokio::test]
async fn no_room_is_said_and_nothing_is_made() {
    let (rig, _engine) = rig().await;
    let mut big = rig.first_work(IMAGE);
    big.spec.memory_gib = 9;
    rig.wish(&big);
    rig.control.heard(&big, |seen| matches!(seen, Observed::Refused { .. })).await;
    assert_eq!(rig.bodies(big.sandbox_id).await, 0);
    // Placed here once more, at a size that fits: a new placement.
    let mut again = Work { epoch: 2, ..big };
    again.spec.memory_gib = 1;
    rig.reach(&again).await;
}

#[tokio::test]
async fn another_placement_sets_the_old_files_aside() {
    let (rig, _engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let placed = Work { epoch: 2, generation: 2, ..created.clone() };
    rig.reach(&placed).await;
    let lost = format!("paddock-{}-lost-1", created.sandbox_id);
    assert!(rig.containers().await.contains(&(lost.clone(), false)));
    let registry = &rig.runner.as_ref().unwrap().registry;
    registry.get(created.sandbox_id).unwrap().send(Letter::Remove { epoch: 1 });
    rig.reach(&next(&placed, Wish::Destroyed)).await;
    assert!(!rig.containers().await.iter().any(|(name, _)| *name == lost));
}

#[tokio::test]
async fn an_idle_sandbox_stops_and_one_in_use_does_not() {
    let (rig, _engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    let asked = Work { stop_if_idle_seconds: Some(3600), ..created.clone() };
    rig.send(asked.clone());
    rig.runner.as_ref().unwrap().host.outbox.flushed().await;
    rig.running(&created).await;
    rig.send(Work { stop_if_idle_seconds: Some(0), ..asked });
    rig.control.heard(&created, |seen| *seen == Observed::IdleStopped).await;
    rig.applied(created.sandbox_id, |now| now.phase == Phase::Stopped).await;
    rig.reach(&next(&created, Wish::Stopped { force: false })).await;
}

#[tokio::test]
async fn work_of_another_deployment_is_refused() {
    let (rig, _engine) = rig().await;
    let created = rig.first_work(IMAGE);
    rig.reach(&created).await;
    rig.send(Work { deployment: "other".to_owned(), ..next(&created, Wish::Destroyed) });
    // The next letter is read after that one.
    rig.reach(&next(&created, Wish::Started)).await;
    rig.running(&created).await;
}

#[tokio::test]
async fn an_image_that_is_nowhere_is_said_to_be() {
    let (rig, engine) = rig().await;
    let mut created = rig.first_work("registry.example/nowhere:1");
    rig.wish(&created);
    let failed = rig.control.heard(&created, |seen| matches!(seen, Observed::Failed { .. })).await;
    assert!(matches!(&failed.observed, Observed::Failed { reason, .. } if reason.contains("registry.example/nowhere")));
    engine.publish("registry.example/nowhere:1");
    created.generation += 1;
    rig.reach(&created).await;
}

/// Failures are ordered for the creation, not for the making of stock.
async fn stock_is_full(engine: &FakeEngine) {
    let full = async {
        while engine.names().iter().filter(|(_, running)| *running).count() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, full).await.unwrap();
}

#[tokio::test]
async fn what_an_engine_began_before_it_went_away_is_begun_anew() {
    let (rig, engine) = rig().await;
    let created = rig.first_work(IMAGE);
    stock_is_full(&engine).await;
    // Look, image, container, and the start: not answered, and its repetition refused.
    engine.fail_call(4, EngineError::Unavailable);
    engine.fail_call(0, EngineError::Rejected);
    rig.reach(&created).await;
    rig.running(&created).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 1);
}
