//! Random letters, deaths and failures against a small world of one container. The owner's promises hold at every
//! step, and once the disturbances end the target is reached.

use std::{collections::BTreeSet, net::SocketAddr};

use proptest::prelude::*;

use super::*;
use crate::{
    engine::labels::Size,
    network::slots::Slot,
    sandboxes::{environment::tests::work, registry::Phase},
};

#[derive(Debug, Clone)]
enum Event {
    Receive { epoch: u64, generation: u64, wish: Wish, env: u8 },
    Act { fails: bool },
    ContainerDies,
    PauseDies,
    Silent,
    Remove { epoch: u64 },
    StopAndKeep { epoch: u64 },
    NewServer,
    Look,
}

fn event() -> impl Strategy<Value = Event> {
    let wish = prop_oneof![
        4 => Just(Wish::Started),
        2 => any::<bool>().prop_map(|force| Wish::Stopped { force }),
        1 => Just(Wish::Destroyed),
    ];
    prop_oneof![
        6 => (1u64..4, 1u64..8, wish, 0u8..3)
            .prop_map(|(epoch, generation, wish, env)| Event::Receive { epoch, generation, wish, env }),
        12 => prop::bool::weighted(0.2).prop_map(|fails| Event::Act { fails }),
        1 => Just(Event::ContainerDies),
        1 => Just(Event::PauseDies),
        1 => Just(Event::Silent),
        1 => (1u64..4).prop_map(|epoch| Event::Remove { epoch }),
        1 => (1u64..4).prop_map(|epoch| Event::StopAndKeep { epoch }),
        1 => Just(Event::NewServer),
        1 => Just(Event::Look),
    ]
}

/// What the engine has, and what was destroyed.
struct World {
    id: Uuid,
    mind: Mind,
    now: Instant,
    container: Option<Placed>,
    made: u64,
    lost: BTreeSet<u64>,
    buried: Option<u64>,
    settled: Vec<(Key, Observed)>,
}

#[derive(Clone)]
struct Placed {
    body: Body,
    runs: bool,
    network_runs: bool,
}

const DAEMON: &str = "127.0.0.1:2280";

fn daemon() -> SocketAddr {
    DAEMON.parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self {
            id: Uuid::new_v4(),
            mind: Mind::new("test", None),
            now: Instant::now(),
            container: None,
            made: 0,
            lost: BTreeSet::new(),
            buried: None,
            settled: Vec::new(),
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Receive { epoch, generation, wish, env } => self.receive(*epoch, *generation, *wish, *env),
            Event::Act { fails } => _ = self.act(*fails),
            Event::ContainerDies => {
                if let Some(container) = &mut self.container {
                    container.runs = false;
                }
                self.mind.note_doubt();
            }
            Event::PauseDies => {
                if let Some(container) = &mut self.container {
                    container.network_runs = false;
                }
                self.mind.note_doubt();
            }
            Event::Silent => self.mind.note_silent(self.now),
            Event::Remove { epoch } => self.mind.remove(*epoch),
            Event::StopAndKeep { epoch } => self.mind.keep_stopped(*epoch),
            Event::NewServer => self.mind.note_ready(),
            Event::Look => self.mind.note_doubt(),
        }
    }

    fn receive(&mut self, epoch: u64, generation: u64, wish: Wish, env: u8) {
        // Before the first look an owner reads nothing.
        while self.mind.doubt {
            self.act(false);
        }
        let before = self.mind.target().map(Key::of);
        let reception = self.mind.receive(work(self.id, epoch, generation, wish));
        if reception == Reception::Accepted {
            self.mind.note_wanted_env(format!("env {env}"));
        }
        let after = self.mind.target().map(Key::of);
        assert!(after >= before, "the target went back from {before:?} to {after:?}");
        if matches!(reception, Reception::Ignored | Reception::Refused) {
            assert_eq!(after, before);
        }
    }

    /// Does what the mind says; false when it rests.
    fn act(&mut self, fails: bool) -> bool {
        self.now += Duration::from_secs(1);
        let next = self.mind.next(Duration::ZERO);
        match next {
            Next::Rest => return false,
            Next::Settle(observed) => {
                self.mind.note_settled(observed.clone());
                if observed == Observed::Destroyed {
                    assert!(self.container.is_none(), "told destroyed while there is a container");
                    self.bury(self.mind.proven().unwrap());
                }
                self.settled.push((Key::of(self.mind.target().unwrap()), observed));
            }
            Next::Look if fails => (),
            Next::Look => self.look(),
            Next::Create if fails => self.fail_start(),
            Next::Create => self.create(),
            Next::Start | Next::Recover if fails => self.fail_start(),
            Next::Start | Next::Recover => {
                let container = self.container.as_mut().expect("starting what is not there");
                (container.runs, container.network_runs) = (true, true);
                self.mind.note_started(daemon());
            }
            Next::AwaitReady if fails => self.mind.note_silent(self.now),
            Next::AwaitReady => self.mind.note_ready(),
            Next::ApplyEnv if fails => self.mind.note_silent(self.now),
            Next::ApplyEnv => self.mind.note_env(self.mind.wanted_env.clone().unwrap()),
            Next::Stop { .. } | Next::Destroy | Next::SetAside | Next::RemoveLost(_) if fails => self.mind.note_doubt(),
            Next::Stop { .. } => {
                if let Some(container) = &mut self.container {
                    container.runs = false;
                }
                self.mind.note_stopped();
            }
            Next::Destroy => {
                let proof = self.mind.proven();
                let container = self.container.take();
                assert!(container.is_none_or(|it| Some(it.body.epoch) <= proof), "destroyed without proof");
                self.bury(proof.unwrap());
                self.mind.note_gone();
            }
            Next::SetAside => {
                let container = self.container.take().expect("setting aside what is not there");
                assert!(self.mind.target().is_some_and(|work| work.epoch > container.body.epoch));
                self.lost.insert(container.body.epoch);
                self.mind.note_gone();
            }
            Next::RemoveLost(epoch) => {
                self.lost.remove(&epoch);
                self.mind.note_lost_removed(epoch);
            }
        }
        true
    }

    fn look(&mut self) {
        let seen = self.container.as_ref().map(|it| Seen {
            body: it.body.clone(),
            address: it.runs.then(daemon),
            network_runs: it.network_runs,
            last_words: "it ended".to_owned(),
        });
        self.mind.note_seen(seen, self.now);
    }

    fn create(&mut self) {
        assert!(self.container.is_none(), "a second container");
        let target = self.mind.target().unwrap();
        assert!(Some(target.epoch) > self.buried, "a destroyed sandbox was revived");
        self.made += 1;
        let body = Body {
            container: format!("container {}", self.made),
            slot: Slot { pause: "pause".to_owned(), address: [10, 0, 0, 2].into() },
            epoch: target.epoch,
            size: Size::default(),
            env_digest: self.mind.wanted_env.clone().unwrap_or_default(),
        };
        let runs = target.wish == Wish::Started;
        self.container = Some(Placed { body: body.clone(), runs, network_runs: true });
        self.mind.note_made(body, runs.then(daemon));
    }

    fn fail_start(&mut self) {
        self.mind.note_doubt();
        let reason = "no".to_owned();
        self.mind.give_up(Observed::Failed { reason, recoverable: true });
    }

    fn bury(&mut self, epoch: u64) {
        self.buried = self.buried.max(Some(epoch));
        self.mind.note_buried(epoch);
    }

    fn calm_down(&mut self) {
        for _ in 0..100 {
            if !self.act(false) {
                return;
            }
        }
        panic!("never rests; the mind says {:?} of {:?}", self.mind.next(Duration::ZERO), self.mind);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn promises_hold_and_the_target_is_reached(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
            if let Phase::Running { .. } = world.mind.applied().phase {
                // Doors are open only to a container that has the environment of what is in force.
                let answers = matches!(world.mind.held(), Held::Running { env: Some(_), .. });
                prop_assert!(answers, "an open door to {:?}", world.mind.held());
            }
        }
        world.calm_down();
        let Some(target) = world.mind.target() else { return Ok(()) };
        let (key, wish) = (Key::of(target), target.wish);
        let answered = world.settled.iter().rev().find(|(answered, _)| *answered == key);
        let Some((_, observed)) = answered else {
            return Err(TestCaseError::fail("the newest wish was never answered"));
        };
        let runs = world.container.as_ref().is_some_and(|it| it.runs);
        match (wish, observed) {
            (Wish::Started, Observed::Started) => {
                prop_assert!(runs);
                let is_open = matches!(world.mind.applied().phase, Phase::Running { .. });
                prop_assert!(is_open && world.mind.applied().has_reached(key.epoch, key.generation));
            }
            (Wish::Stopped { .. }, Observed::Stopped) => prop_assert!(!runs && world.container.is_some()),
            (Wish::Destroyed, Observed::Destroyed) => prop_assert!(world.container.is_none()),
            (Wish::Started | Wish::Stopped { .. }, Observed::Failed { .. }) => prop_assert!(!runs),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn doors_stay_shut_until_the_claim_is_in_force() {
    let mut world = World::new();
    world.receive(1, 1, Wish::Started, 0);
    world.calm_down();
    assert!(world.mind.applied().has_reached(1, 1));
    world.receive(1, 2, Wish::Started, 1);
    assert_eq!(world.mind.next(Duration::ZERO), Next::ApplyEnv);
    assert!(!world.mind.applied().has_reached(1, 2));
    world.calm_down();
    assert!(world.mind.applied().has_reached(1, 2));
    // A new server process has forgotten it.
    world.mind.note_ready();
    assert_eq!(world.mind.applied().phase, Phase::Starting);
    world.calm_down();
    assert!(matches!(world.mind.applied().phase, Phase::Running { .. }));
}

#[test]
fn a_placement_proven_destroyed_is_not_made_again_by_the_wish_it_had() {
    let mut world = World::new();
    world.receive(1, 1, Wish::Started, 0);
    world.calm_down();
    world.mind.remove(1);
    world.calm_down();
    assert!(world.container.is_none() && world.mind.is_over());
    world.receive(1, 5, Wish::Started, 0);
    world.calm_down();
    assert!(world.container.is_none());
}
