use std::time::Duration;

use super::*;
use crate::{
    id::{OrganizationId, RunnerId, SandboxId},
    quota::Charge,
    sandbox::{Files, Resources, Timers},
};

const NOW: Timestamp = Timestamp(1_000_000);

fn sandbox(state: State, desired: Desired) -> Sandbox {
    Sandbox {
        id: SandboxId::random(),
        organization: Some(OrganizationId::random()),
        pool: None,
        name: "n".into(),
        region: "local".into(),
        state,
        desired,
        generation: 2,
        epoch: 1,
        runner: Some(RunnerId::random()),
        seen_generation: 1,
        seen_seq: 3,
        has_container: true,
        attempt: 0,
        wished_at: NOW,
        placed_at: NOW,
        due: None,
        force: false,
        failure: None,
        daemon_version: None,
        resources: Resources { cpu: 1, memory_gib: 1, disk_gib: 1 },
        charge: Charge::default(),
        resized_from: None,
        files: Files::default(),
        queue_timed_out: false,
        timers: Timers::default(),
        last_activity: NOW,
        created_at: NOW,
        updated_at: NOW,
    }
}

#[test]
fn a_new_wish_is_sent_at_once_and_due_in_five_seconds() {
    let plan = plan(&sandbox(State::Stopping, Desired::Stopped), NOW);
    assert_eq!(plan, Plan { step: Step::Send, due: Some(NOW.after(Duration::from_secs(5))) });
}

#[test]
fn a_sent_wish_waits_until_due() {
    let mut waiting = sandbox(State::Stopping, Desired::Stopped);
    waiting.attempt = 1;
    waiting.due = Some(NOW.after(Duration::from_secs(1)));
    assert_eq!(plan(&waiting, NOW).step, Step::Rest);
    assert_eq!(plan(&waiting, NOW.after(Duration::from_secs(1))).step, Step::Send);
}

#[test]
fn five_sendings_without_a_word_are_enough() {
    let mut silent = sandbox(State::Starting, Desired::Started);
    silent.attempt = MAX_ATTEMPTS;
    silent.due = Some(NOW);
    assert!(matches!(plan(&silent, NOW).step, Step::GiveUp(_)));
}

#[test]
fn a_deletion_is_sent_for_ever() {
    let mut silent = sandbox(State::Destroying, Desired::Destroyed);
    silent.attempt = 50;
    silent.due = Some(NOW);
    assert_eq!(plan(&silent, NOW), Plan { step: Step::Send, due: Some(NOW.after(Duration::from_secs(60))) });
}

#[test]
fn what_no_runner_holds_is_forgotten_or_placed() {
    let mut unplaced = sandbox(State::Destroying, Desired::Destroyed);
    unplaced.runner = None;
    assert_eq!(plan(&unplaced, NOW).step, Step::Forget);
    let mut queued = sandbox(State::Creating, Desired::Started);
    queued.runner = None;
    assert_eq!(plan(&queued, NOW).step, Step::Place);
    assert!(matches!(plan(&queued, NOW.after(Duration::from_secs(901))).step, Step::GiveUp(_)));
}

#[test]
fn idleness_is_asked_about_only_when_it_may_be_time() {
    let mut idle = sandbox(State::Started, Desired::Started);
    idle.seen_generation = idle.generation;
    idle.timers.auto_stop = Some(Duration::from_secs(60));
    assert_eq!(plan(&idle, NOW), Plan { step: Step::Rest, due: Some(NOW.after(Duration::from_secs(60))) });
    let later = NOW.after(Duration::from_secs(60));
    assert_eq!(plan(&idle, later).step, Step::StopIfIdle(Duration::from_secs(60)));
}

#[test]
fn time_in_a_queue_is_not_taken_from_the_owner() {
    let mut queued = sandbox(State::Creating, Desired::Started);
    queued.runner = None;
    let late = NOW.after(Duration::from_secs(14 * 60));
    let mut placed = queued.placed(RunnerId::random(), late);
    placed.attempt = 1;
    placed.due = Some(late);
    let still = late.after(Duration::from_secs(14 * 60));
    assert_eq!(plan(&placed, still).step, Step::Send);
    assert!(matches!(plan(&placed, late.after(Duration::from_secs(901))).step, Step::GiveUp(_)));
    // Refused by its runner, it has queued since it was wished.
    placed.runner = None;
    assert!(matches!(plan(&placed, still).step, Step::GiveUp(_)));
}

#[test]
fn a_stopped_sandbox_is_deleted_when_its_time_has_come() {
    let mut stopped = sandbox(State::Stopped, Desired::Stopped);
    stopped.seen_generation = stopped.generation;
    stopped.files.failed = true;
    assert_eq!(plan(&stopped, NOW), Plan { step: Step::Rest, due: None }, "never, unless told");
    stopped.timers.auto_delete = Some(Duration::from_secs(60));
    let due = NOW.after(Duration::from_secs(60));
    assert_eq!(plan(&stopped, NOW), Plan { step: Step::Rest, due: Some(due) });
    assert_eq!(plan(&stopped, due).step, Step::Delete);
    stopped.pool = Some("pool".into());
    assert_eq!(plan(&stopped, due).step, Step::Rest, "a pool looks after its own");
}

#[test]
fn every_unsettled_state_has_a_due_time_or_a_step() {
    for state in State::ALL {
        if state.is_settled() {
            continue;
        }
        let plan = plan(&sandbox(state, Desired::Started), NOW);
        assert!(plan.due.is_some_and(|due| due <= NOW.after(Duration::from_secs(60))), "{state}: {plan:?}");
    }
}

#[test]
fn a_claimed_sandbox_is_not_at_rest_until_its_owner_says_so() {
    let claimed = sandbox(State::Started, Desired::Started);
    assert_eq!(plan(&claimed, NOW).step, Step::Send);
}

#[test]
fn a_stopped_sandbox_is_backed_up_once_and_archived_when_its_time_has_come() {
    let mut stopped = sandbox(State::Stopped, Desired::Stopped);
    stopped.seen_generation = stopped.generation;
    stopped.timers.auto_archive = Some(Duration::from_secs(600));
    let at = |seconds| NOW.after(Duration::from_secs(seconds));
    assert_eq!(plan(&stopped, NOW), Plan { step: Step::Rest, due: Some(at(60)) });
    assert_eq!(plan(&stopped, at(60)).step, Step::Capture(Purpose::Backup));
    let id = crate::id::CaptureId::of(stopped.id, 3);
    stopped.files.kept = Some(crate::sandbox::Kept { id, fresh: true });
    assert_eq!(plan(&stopped, at(60)), Plan { step: Step::Rest, due: Some(at(600)) });
    assert_eq!(plan(&stopped, at(600)).step, Step::Capture(Purpose::Archive));
    stopped.timers.auto_delete = Some(Duration::from_secs(300));
    assert_eq!(plan(&stopped, at(300)).step, Step::Delete, "whichever comes first");
}

#[test]
fn a_life_ends_when_it_was_to_end_whatever_the_sandbox_does() {
    for state in State::ALL.into_iter().filter(|state| !matches!(state, State::Destroyed | State::Destroying)) {
        let mut mortal = sandbox(state, Desired::Started);
        mortal.timers.destroy_at = Some(NOW.after(Duration::from_secs(1)));
        let before = plan(&mortal, NOW).due;
        assert!(before.is_some_and(|due| due <= NOW.after(Duration::from_secs(1))), "{state}: {before:?}");
        assert_eq!(plan(&mortal, NOW.after(Duration::from_secs(1))).step, Step::Delete, "{state}");
    }
}

#[test]
fn a_queue_ends_when_its_owner_says_so() {
    let mut queued = sandbox(State::Creating, Desired::Started);
    (queued.runner, queued.epoch) = (None, 0);
    queued.timers.queue = Some(Duration::from_secs(3600));
    assert_eq!(plan(&queued, NOW.after(Duration::from_secs(3599))).step, Step::Place);
    assert_eq!(plan(&queued, NOW.after(Duration::from_secs(3600))).step, Step::TimeOut);
}

#[test]
fn an_idle_sandbox_is_frozen_where_that_is_wished() {
    let mut idle = sandbox(State::Started, Desired::Started);
    idle.seen_generation = idle.generation;
    idle.timers.auto_pause = Some(Duration::from_secs(60));
    let later = NOW.after(Duration::from_secs(60));
    assert_eq!(plan(&idle, later).step, Step::PauseIfIdle(Duration::from_secs(60)));
}
