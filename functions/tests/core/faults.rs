//! Random lives under faults: whatever is lost, doubled, late or refused, quota is conserved, epochs and generations
//! grow, nothing is made twice, nothing destroyed comes back, and in the end everything is as wished.

use std::{collections::BTreeMap, time::Duration};

use paddock_functions::{
    actions::{create_sandbox, delete_sandbox, list_sandboxes, start_sandbox, stop_sandbox},
    schedule,
};
use paddock_localstack::faults::{FaultPlan, Share};
use paddock_model::{
    id::SandboxId,
    lifecycle::{Desired, State},
    quota::Charge,
};
use paddock_wire::work::Work;
use rand::{
    Rng as _, SeedableRng as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};

use crate::{
    runner::FakeRunner,
    scene::{Scene, request},
};

/// What was last seen of each sandbox, to see that it only grows.
type Seen = BTreeMap<SandboxId, ((u64, u64, u64), u64, State)>;

async fn step(
    scene: &Scene,
    rng: &mut StdRng,
    runners: &mut [FakeRunner],
    mail: &mut Vec<(usize, Work)>,
    ids: &mut Vec<SandboxId>,
) {
    let (app, requester) = (&scene.app, &scene.requester);
    let pick = |rng: &mut StdRng| ids.get(rng.random_range(0..ids.len().max(1))).map(SandboxId::to_string);
    // Refusals by lifecycle and quota are part of life.
    match rng.random_range(0..11) {
        0 | 1 => {
            if let Ok(made) = create_sandbox::run(app, requester, request()).await {
                ids.push(made.head.id);
            }
        }
        2 => drop(stop_sandbox::run(app, requester, &pick(rng).unwrap_or_default(), rng.random()).await),
        3 => drop(start_sandbox::run(app, requester, &pick(rng).unwrap_or_default()).await),
        4 => drop(delete_sandbox::run(app, requester, &pick(rng).unwrap_or_default()).await),
        5 => {
            scene.pass(Duration::from_secs(rng.random_range(1..20)));
            for runner in runners.iter_mut() {
                runner.full = rng.random_ratio(1, 6);
                runner.beat(scene).await;
            }
            scene.sweep().await;
        }
        6 => {
            let runner = &runners[rng.random_range(0..runners.len())];
            if let Some(old) = runner.told.choose(rng) {
                runner.tell(scene, old).await;
            }
        }
        _ => deliver(scene, rng, runners, mail).await,
    }
}

/// Some of the mail, in any order, some of it twice, some never.
async fn deliver(scene: &Scene, rng: &mut StdRng, runners: &mut [FakeRunner], mail: &mut Vec<(usize, Work)>) {
    for (at, runner) in runners.iter().enumerate() {
        mail.extend(runner.works(scene).await.into_iter().map(|work| (at, work)));
    }
    mail.shuffle(rng);
    for _ in 0..rng.random_range(0..4) {
        let Some((at, work)) = mail.pop() else { return };
        if rng.random_ratio(1, 8) {
            mail.insert(0, (at, work.clone()));
        }
        if rng.random_ratio(1, 10) {
            continue;
        }
        let mut verdicts = Vec::new();
        runners[at].drive(scene, work, &mut verdicts).await;
    }
}

async fn check(scene: &Scene, ids: &[SandboxId], seen: &mut Seen) {
    scene.assert_conserved().await;
    for id in ids {
        let Ok(Some(stored)) = scene.app.store.head(*id).await else { continue };
        let head = stored.sandbox;
        let accepted = (head.epoch, head.seen_generation, head.seen_seq);
        let now = (accepted, head.generation, head.state);
        if let Some((before, generation, state)) = seen.insert(*id, now) {
            assert!(accepted >= before && head.generation >= generation, "{id} went back");
            assert!(state != State::Destroyed || head.state == State::Destroyed, "{id} was revived");
        }
        let waits = !head.state.is_settled() || (!head.is_at_rest() && head.state != State::Destroyed);
        assert!(!waits || head.due.is_some(), "{id} is stuck: {head:?}");
    }
}

async fn settle(scene: &Scene, runners: &mut [FakeRunner], mail: &mut Vec<(usize, Work)>) {
    for _ in 0..12 {
        for (at, work) in std::mem::take(mail) {
            runners[at].drive(scene, work, &mut Vec::new()).await;
        }
        for runner in runners.iter_mut() {
            runner.full = false;
            runner.beat(scene).await;
            runner.work_off(scene).await;
        }
        scene.pass(Duration::from_secs(61));
        for runner in runners.iter_mut() {
            runner.beat(scene).await;
        }
        schedule::tick(&scene.app, Duration::ZERO).await.expect("a tick");
    }
}

async fn random_life(seed: u64) {
    let scene = Scene::with_pool(2).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut runners = [scene.runner().await, scene.runner().await];
    let (mut mail, mut ids, mut seen) = (Vec::new(), Vec::new(), Seen::new());
    scene.set_faults(FaultPlan {
        throttle: Share::Every(11),
        lost_answer: Share::Every(7),
        conflict: Share::Every(9),
        sqs_double: Share::Every(3),
        ..FaultPlan::default()
    });
    for _ in 0..120 {
        step(&scene, &mut rng, &mut runners, &mut mail, &mut ids).await;
        check(&scene, &ids, &mut seen).await;
    }
    settle(&scene, &mut runners, &mut mail).await;
    check(&scene, &ids, &mut seen).await;
    for runner in &runners {
        assert!(runner.made.values().all(|made| *made == 1), "seed {seed}: a container was made twice");
    }
    for detail in list_sandboxes::run(&scene.app, scene.requester.organization).await.unwrap() {
        let head = detail.head;
        assert!(head.is_at_rest(), "seed {seed}: {head:?}");
        assert!(head.state.is_failed() || head.state.fulfils(head.desired), "seed {seed}: {head:?}");
        delete_sandbox::run(&scene.app, &scene.requester, &head.id.to_string()).await.unwrap();
    }
    settle(&scene, &mut runners, &mut mail).await;
    for id in &ids {
        let head = scene.head(*id).await;
        assert_eq!((head.state, head.desired), (State::Destroyed, Desired::Destroyed), "seed {seed}");
    }
    assert_eq!(scene.used_and_held().await, (Charge::default(), Charge::default()), "seed {seed}");
    let pool = scene.app.store.pools().await.unwrap().pop().unwrap();
    let unclaimed = scene.app.store.unclaimed_of(&pool.id, 100).await.unwrap().len();
    assert_eq!((pool.live, unclaimed), (2, 2), "seed {seed}: the pool's places");
}

/// `PADDOCK_SEEDS=100..200` tries other lives.
#[tokio::test]
async fn random_lives_under_faults() {
    let seeds = std::env::var("PADDOCK_SEEDS").unwrap_or_else(|_| "0..3".to_owned());
    let (from, to) = seeds.split_once("..").expect("from..to");
    for seed in from.parse().expect("a number")..to.parse().expect("a number") {
        eprintln!("seed {seed}");
        random_life(seed).await;
    }
}
