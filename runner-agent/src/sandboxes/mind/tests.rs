//! Random letters (some of them while an action is under way), deaths and failures against a small [`world`] of one
//! container. The owner's promises hold at every step, and once the disturbances end the target is reached.

use proptest::prelude::*;

use self::world::{Event, Letter, World};
use super::*;
use crate::sandboxes::{registry::Phase, restarts::MOST};

mod world;

fn letter() -> impl Strategy<Value = Letter> {
    let wish = prop_oneof![
        4 => Just(Wish::Started),
        2 => any::<bool>().prop_map(|force| Wish::Stopped { force }),
        1 => Just(Wish::Paused),
        1 => Just(Wish::Archived),
        1 => Just(Wish::Destroyed),
    ];
    prop_oneof![
        6 => (1u64..4, 1u64..8, wish, 0u8..3)
            .prop_map(|(epoch, generation, wish, env)| Letter::Work { epoch, generation, wish, env }),
        1 => Just(Letter::Silent),
        1 => (1u64..4).prop_map(|epoch| Letter::OverDisk { epoch }),
        1 => (1u64..4).prop_map(|epoch| Letter::Remove { epoch }),
        1 => (1u64..4).prop_map(|epoch| Letter::StopAndKeep { epoch }),
        1 => Just(Letter::Look),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => letter().prop_map(Event::Letter),
        12 => (prop::bool::weighted(0.2), prop::option::weighted(0.3, letter()))
            .prop_map(|(fails, meanwhile)| Event::Act { fails, meanwhile }),
        1 => Just(Event::ContainerDies),
        1 => Just(Event::PauseDies),
        1 => Just(Event::NewServer),
    ]
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
                let answers = matches!(world.mind.held(), Held::Running { env: Some(_), frozen: false, .. });
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
        let frozen = world.container.as_ref().is_some_and(|it| it.frozen);
        match (wish, observed) {
            (Wish::Started, Observed::Started) => {
                prop_assert!(runs && !frozen);
                let is_open = matches!(world.mind.applied().phase, Phase::Running { .. });
                prop_assert!(is_open && world.mind.applied().has_reached(key.epoch, key.generation));
            }
            (Wish::Paused, Observed::Paused) => prop_assert!(runs && frozen),
            // It ended before it could be frozen, or its files are there and its capture is not accepted.
            (Wish::Paused | Wish::Archived, Observed::Stopped) => prop_assert!(!runs && world.container.is_some()),
            (Wish::Archived, Observed::Archived) => prop_assert!(world.container.is_none()),
            (Wish::Archived, Observed::Failed { .. }) => prop_assert!(world.container.is_none(), "nothing to archive"),
            (Wish::Stopped { .. }, Observed::Stopped) => prop_assert!(!runs && world.container.is_some()),
            (Wish::Destroyed, Observed::Destroyed) => prop_assert!(world.container.is_none()),
            (Wish::Started | Wish::Stopped { .. } | Wish::Paused, Observed::Failed { .. }) => {
                prop_assert!(!runs);
                let disturbed = world.failed.contains(&key) || world.ended > MOST;
                prop_assert!(disturbed, "nothing has made {key:?} fail: {observed:?}");
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn doors_stay_shut_until_the_claim_is_in_force() {
    let mut world = World::new();
    world.wish(1, Wish::Started, 0);
    world.calm_down();
    assert!(world.mind.applied().has_reached(1, 1));
    world.wish(2, Wish::Started, 1);
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
    world.wish(1, Wish::Started, 0);
    world.calm_down();
    world.mind.remove(1);
    world.calm_down();
    assert!(world.container.is_none() && world.mind.is_over());
    world.wish(5, Wish::Started, 0);
    world.calm_down();
    assert!(world.container.is_none());
}

#[test]
fn a_wish_to_run_that_comes_while_it_stops_is_served() {
    let mut world = World::new();
    world.wish(1, Wish::Started, 0);
    world.calm_down();
    world.wish(2, Wish::Stopped { force: false }, 0);
    let started = Letter::Work { epoch: 1, generation: 3, wish: Wish::Started, env: 0 };
    assert!(world.act_while(false, Some(&started)));
    world.calm_down();
    let answer = (Key { epoch: 1, generation: 3 }, Observed::Started);
    assert_eq!(world.settled.last(), Some(&answer), "not taken for a stop by idleness");
}

#[test]
fn a_failure_is_that_of_the_wish_it_was_begun_for() {
    let mut world = World::new();
    world.wish(1, Wish::Started, 0);
    let again = Letter::Work { epoch: 1, generation: 2, wish: Wish::Started, env: 0 };
    assert!(world.act_while(true, Some(&again)));
    world.calm_down();
    let answer = (Key { epoch: 1, generation: 2 }, Observed::Started);
    assert_eq!(world.settled, [answer]);
}

#[test]
fn a_breakage_costs_one_restart_however_often_it_is_looked_at() {
    let mut world = World::new();
    world.wish(1, Wish::Started, 0);
    world.calm_down();
    world.happen(&Event::PauseDies);
    for _ in 0..=MOST {
        world.look();
        world.mind.note_silent(world.now);
    }
    world.calm_down();
    assert!(matches!(world.mind.applied().phase, Phase::Running { .. }));
}
