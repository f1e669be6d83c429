//! All states × wishes × owners, through every kind of change: what must hold afterwards, holds.

use super::*;
use crate::{
    id::SandboxId,
    report::{Stamp, Standing, standing},
    sandbox::{Capture, Files, Kept, Purpose, Resources},
};

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(100_000_000);

fn head(state: State, desired: Desired, owned: bool, placed: bool, applied: bool) -> Sandbox {
    let mut sandbox = Sandbox {
        id: SandboxId::random(),
        organization: owned.then(OrganizationId::random),
        pool: (!owned).then(|| "pool".to_owned()),
        name: "n".into(),
        region: "local".into(),
        state,
        desired,
        generation: 3,
        epoch: 2,
        runner: placed.then(RunnerId::random),
        seen_generation: if applied { 3 } else { 2 },
        seen_seq: 5,
        has_container: placed,
        attempt: 1,
        wished_at: NOW,
        placed_at: NOW,
        due: Some(NOW),
        force: false,
        failure: state.is_failed().then(|| Failure { reason: "r".into(), recoverable: true }),
        daemon_version: None,
        resources: Resources { cpu: 1, memory_gib: 2, disk_gib: 3 },
        charge: Charge::default(),
        resized_from: None,
        files: Files::default(),
        queue_timed_out: false,
        timers: Timers { auto_stop: Some(Duration::from_secs(60)), ..Timers::default() },
        last_activity: NOW,
        created_at: NOW,
        updated_at: NOW,
    };
    if state == State::Destroyed {
        sandbox.bury();
    } else {
        sandbox.charge_new();
    }
    if owned && state.is_failed() {
        sandbox.pool = None;
    }
    sandbox
}

fn heads() -> impl Iterator<Item = Sandbox> {
    let flags = [(true, true), (true, false), (false, true), (false, false)];
    let all = State::ALL.into_iter().flat_map(move |state| {
        Desired::ALL.into_iter().flat_map(move |desired| {
            flags.into_iter().flat_map(move |(owned, placed)| {
                [true, false].into_iter().map(move |applied| head(state, desired, owned, placed, applied))
            })
        })
    });
    all.filter(is_reachable)
}

/// Heads that can come to be.
fn is_reachable(head: &Sandbox) -> bool {
    let ends = matches!(head.state, State::Destroying | State::Destroyed);
    if ends != (head.desired == Desired::Destroyed) {
        return false;
    }
    let rests = head.state.is_settled() && !head.state.is_failed() && !ends;
    // A wish that is not applied changes the state, but for a claim.
    if rests && (!head.state.fulfils(head.desired) || (!head.is_at_rest() && head.state != State::Started)) {
        return false;
    }
    let may_be_unplaced = matches!(
        head.state,
        State::Creating
            | State::Restoring
            | State::Unknown
            | State::PendingBuild
            | State::Archived
            | State::Error
            | State::BuildFailed
            | State::Destroying
            | State::Destroyed
    );
    head.runner.is_some() || may_be_unplaced
}

fn sightings() -> [Seen; 11] {
    [
        Seen::PullingSnapshot,
        Seen::Creating,
        Seen::Started,
        Seen::Stopped,
        Seen::IdleStopped,
        Seen::Paused,
        Seen::IdlePaused,
        Seen::Archived,
        Seen::Destroyed,
        Seen::Failed(Failure { reason: "broken".into(), recoverable: true }),
        Seen::Refused,
    ]
}

/// What holds of every head that may be written.
fn check(before: &Sandbox, after: &Sandbox, how: &str) {
    let at = format!("{how}\nbefore {before:?}\nafter {after:?}");
    assert!(after.generation >= before.generation && after.epoch >= before.epoch, "counters shrink: {at}");
    if after.organization.is_none() {
        assert_eq!(after.charge, Charge::default(), "nobody pays: {at}");
    }
    if after.state == State::Destroyed {
        assert!(after.runner.is_none() && after.pool.is_none() && after.due.is_none(), "not buried: {at}");
        assert_eq!(after.charge, Charge::default(), "the dead pay: {at}");
    }
    if after.state.is_failed() {
        assert!(after.failure.is_some(), "an error without a reason: {at}");
    } else {
        assert!(after.failure.is_none(), "a reason without an error: {at}");
    }
}

/// After `advance`, nothing that is under way is forgotten.
fn check_advanced(before: &Sandbox, changed: &Sandbox, now: Timestamp, how: &str) {
    let (after, _) = changed.advance(now);
    check(before, &after, how);
    let waits = !after.is_at_rest() || !after.state.is_settled();
    assert!(!waits || after.due.is_some_and(|due| due > now), "{how}: stuck\n{after:?}");
}

#[test]
fn every_wish_leaves_a_head_that_holds() {
    for before in heads() {
        for event in [Event::Start, Event::Stop, Event::Pause, Event::Recover, Event::Delete] {
            match before.wish(event, false, NOW) {
                Ok(Some(after)) => {
                    assert_eq!(after.generation, before.generation + 1);
                    check_advanced(&before, &after, NOW, &format!("{event:?}"));
                }
                Ok(None) => {}
                Err(refusal) => assert!(
                    event != Event::Delete || before.state == State::Destroyed,
                    "delete refused: {refusal:?} {before:?}"
                ),
            }
        }
    }
}

#[test]
fn every_report_leaves_a_head_that_holds() {
    for before in heads().filter(|head| head.state != State::Destroyed) {
        let Some(runner) = before.runner else { continue };
        for seen in sightings() {
            for generation in [before.generation - 1, before.generation] {
                let stamp = Stamp { runner, epoch: before.epoch, generation, seq: 9 };
                if standing(&before, stamp) != Standing::Applies {
                    continue;
                }
                let after = before.heard(stamp, &seen, None, None, LATER);
                let how = format!("{seen:?} of generation {generation}");
                if generation < before.generation {
                    assert_eq!((after.state, after.desired), (before.state, before.desired), "{how}");
                }
                let was_failed = before.state.is_failed();
                if !was_failed || after.state != before.state {
                    check_advanced(&before, &after, LATER, &how);
                }
            }
        }
    }
}

#[test]
fn time_and_death_leave_heads_that_hold() {
    for before in heads() {
        for now in [NOW, LATER] {
            check_advanced(&before, &before, now, "time");
        }
        if let Ok(after) = before.bereft(NOW) {
            assert!(after.runner.is_none() && after.epoch > before.epoch);
            check_advanced(&before, &after, NOW, "its runner died");
        }
    }
}

#[test]
fn a_charge_is_released_by_the_report_and_not_by_the_wish() {
    let started = head(State::Started, Desired::Started, true, true, true);
    for event in [Event::Stop, Event::Delete] {
        let wished = started.wish(event, false, NOW).unwrap().unwrap();
        assert_eq!(wished.charge, started.charge, "{event:?}");
    }
    let deleting = started.wish(Event::Delete, false, NOW).unwrap().unwrap();
    let stamp =
        Stamp { runner: deleting.runner.unwrap(), epoch: deleting.epoch, generation: deleting.generation, seq: 9 };
    assert_eq!(deleting.heard(stamp, &Seen::Destroyed, None, None, NOW).charge, Charge::default());
}

#[test]
fn only_an_applied_started_unowned_sandbox_can_be_claimed() {
    let claim = || Claim { organization: OrganizationId::random(), name: None, timers: Timers::default() };
    for before in heads() {
        let may = before.state == State::Started && before.organization.is_none() && before.is_at_rest();
        let claimed = before.claimed(claim(), NOW);
        assert_eq!(claimed.is_ok(), may, "{before:?}");
        if let Ok(after) = claimed {
            assert_eq!((after.generation, after.epoch, &after.pool), (4, 2, &before.pool));
            assert_ne!(after.charge, Charge::default());
            check_advanced(&before, &after, NOW, "claim");
        }
    }
}

/// What its owner says of its present wish.
fn told(head: &Sandbox, seen: &Seen, idle: Option<Duration>, now: Timestamp) -> Sandbox {
    let stamp = Stamp { runner: head.runner.unwrap(), epoch: head.epoch, generation: head.generation, seq: 9 };
    head.heard(stamp, seen, None, idle, now)
}

#[test]
fn a_change_of_state_is_a_use_and_idleness_counts_only_while_it_runs() {
    let idle = Duration::from_secs(300);
    let started = head(State::Started, Desired::Started, true, true, true);
    assert_eq!(told(&started, &Seen::Started, Some(idle), LATER).last_activity, LATER.before(idle));
    let stopped = told(&started, &Seen::IdleStopped, Some(idle), LATER);
    assert_eq!((stopped.state, stopped.last_activity), (State::Stopped, LATER));
    let again = told(&stopped, &Seen::Stopped, Some(Duration::ZERO), LATER.after(idle));
    assert_eq!(again.last_activity, LATER, "an owner that starts anew does not put the deletion off");
}

#[test]
fn a_timer_deletes_as_a_wish_does_and_a_start_stops_it() {
    let mut started = head(State::Started, Desired::Started, true, true, true);
    started.timers.auto_delete = Some(Duration::from_secs(60));
    let (stopped, effect) = told(&started, &Seen::IdleStopped, None, NOW).advance(NOW);
    let due = NOW.after(Duration::from_secs(60));
    assert_eq!((stopped.state, stopped.due, effect), (State::Stopped, Some(due), Effect::None));

    let (deleted, effect) = stopped.advance(due);
    assert_eq!((deleted.state, deleted.desired, effect), (State::Destroying, Desired::Destroyed, Effect::Send));
    assert_eq!((deleted.generation, deleted.epoch), (stopped.generation + 1, stopped.epoch));
    assert_eq!(deleted.charge, stopped.charge, "released by the report only");

    let starting = stopped.wish(Event::Start, false, NOW).unwrap().unwrap();
    let (running, _) = told(&starting, &Seen::Started, None, due).advance(due);
    assert_eq!(running.state, State::Started);
    assert_eq!(running.due, Some(due.after(Duration::from_secs(60))), "auto-stop and nothing else");
}

#[test]
fn an_ephemeral_sandbox_does_not_outlive_its_stop_however_it_came() {
    let mut started = head(State::Started, Desired::Started, true, true, true);
    started.timers.auto_delete = Some(Duration::ZERO);
    for seen in [Seen::IdleStopped, Seen::Stopped] {
        let (deleted, effect) = told(&started, &seen, None, NOW).advance(NOW);
        assert_eq!((deleted.state, effect), (State::Destroying, Effect::Send), "{seen:?}");
    }
}

#[test]
fn the_brake_sends_once_more_and_waits() {
    let mut silent = head(State::Starting, Desired::Started, true, true, false);
    silent.attempt = crate::plan::MAX_ATTEMPTS;
    assert!(silent.advance(LATER).0.state.is_failed());
    let resent = silent.resent(LATER);
    assert_eq!((resent.state, resent.attempt), (State::Starting, crate::plan::MAX_ATTEMPTS + 1));
    assert!(resent.due.is_some_and(|due| due > LATER));
}

#[test]
fn a_pool_does_not_keep_what_failed() {
    let unclaimed = head(State::Creating, Desired::Started, false, true, false);
    let stamp =
        Stamp { runner: unclaimed.runner.unwrap(), epoch: unclaimed.epoch, generation: unclaimed.generation, seq: 9 };
    let failed = Seen::Failed(Failure { reason: "broken".into(), recoverable: false });
    let after = unclaimed.heard(stamp, &failed, None, None, NOW);
    assert_eq!((after.state, after.pool), (State::Destroying, None));
}

#[test]
fn a_placement_starts_counting_anew() {
    let unplaced = head(State::Creating, Desired::Started, true, false, false);
    let placed = unplaced.placed(RunnerId::random(), NOW);
    assert_eq!((placed.epoch, placed.seen_generation, placed.seen_seq, placed.has_container), (3, 0, 0, false));
}

/// What a capture is for, and the heads in which it is under way.
fn capturing() -> impl Iterator<Item = (Purpose, Sandbox)> {
    let purposes = [Purpose::Backup, Purpose::Archive, Purpose::Fork, Purpose::Snapshot];
    let rests = [(State::Started, Desired::Started), (State::Stopped, Desired::Stopped)];
    purposes.into_iter().flat_map(move |purpose| {
        let heads = rests.into_iter().map(|(state, desired)| head(state, desired, true, true, true));
        heads.filter_map(move |rested| Some((purpose, rested.capturing(purpose, NOW).ok()?)))
    })
}

fn outcome(head: &Sandbox, done: Result<(), String>) -> Captured {
    Captured { id: head.files.capture.unwrap().id, done }
}

/// What its owner says of its present wish and of the capture.
fn told_captured(head: &Sandbox, captured: &Captured) -> Sandbox {
    let stamp = Stamp { runner: head.runner.unwrap(), epoch: head.epoch, generation: head.generation, seq: 9 };
    let seen = if head.desired == Desired::Started { Seen::Started } else { Seen::Stopped };
    head.heard(stamp, &seen, Some(captured), None, LATER)
}

#[test]
fn a_capture_ends_where_it_began_whatever_becomes_of_it() {
    assert_eq!(capturing().count(), 6, "a backup and a snapshot of both, a fork of one, an archive of the other");
    for (purpose, wished) in capturing() {
        let began = if wished.desired == Desired::Started { State::Started } else { State::Stopped };
        let seen = if began == State::Started { Seen::Started } else { Seen::Stopped };
        let (sent, effect) = wished.advance(NOW);
        assert_eq!(effect, Effect::Send, "{purpose:?}");
        let under_way = told(&sent, &seen, None, NOW);
        assert_eq!((under_way.state, under_way.files.capture), (sent.state, sent.files.capture), "{purpose:?}");
        let failed = told_captured(&under_way, &outcome(&under_way, Err("no room in S3".into())));
        assert_eq!((failed.state, failed.files.capture, failed.files.kept), (began, None, None), "{purpose:?}");
        check_advanced(&under_way, &failed, LATER, &format!("{purpose:?} failed"));
        let other = Captured { id: CaptureId::of(sent.id, 1), done: Ok(()) };
        assert_eq!(told_captured(&under_way, &other).files, under_way.files, "another capture's outcome");
        let done = told_captured(&under_way, &outcome(&under_way, Ok(())));
        assert_eq!(done.files.capture, None);
        let kept = done.files.kept.map(|kept| kept.fresh);
        match purpose {
            Purpose::Archive => assert_eq!((done.state, kept), (State::Archiving, Some(true))),
            Purpose::Backup => assert_eq!((done.state, kept), (began, Some(began == State::Stopped))),
            Purpose::Fork | Purpose::Snapshot => assert_eq!((done.state, kept), (began, None)),
        }
        check_advanced(&under_way, &done, LATER, &format!("{purpose:?} done"));
    }
}

#[test]
fn an_archive_lets_go_only_of_what_is_kept_and_is_restored_anywhere() {
    let stopped = head(State::Stopped, Desired::Stopped, true, true, true);
    let archiving = stopped.capturing(Purpose::Archive, NOW).unwrap().advance(NOW).0;
    let (kept, effect) = told_captured(&archiving, &outcome(&archiving, Ok(()))).advance(NOW);
    assert_eq!((kept.state, effect, kept.has_container), (State::Archiving, Effect::Send, true));
    let again = told(&kept, &Seen::Stopped, None, NOW);
    assert_eq!((again.state, again.desired), (State::Archiving, Desired::Archived), "a late copy of the old work");
    let archived = told(&kept, &Seen::Archived, None, NOW);
    assert_eq!((archived.state, archived.runner, archived.charge), (State::Archived, None, Charge::default()));
    assert!(archived.files.is_fresh());

    let restoring = archived.wish(Event::Start, false, NOW).unwrap().unwrap();
    let placed = restoring.placed(RunnerId::random(), NOW);
    assert_eq!((placed.state, placed.has_container, placed.files.is_fresh()), (State::Restoring, false, true));
    let refused = told(&placed, &Seen::Refused, None, NOW);
    assert_eq!((refused.state, refused.runner), (State::Restoring, None));
    let started = told(&placed, &Seen::Started, None, NOW);
    assert_eq!((started.state, started.files.is_fresh()), (State::Started, false));
    assert_eq!(started.files.kept.map(|kept| kept.id), kept.files.kept.map(|kept| kept.id));
}

#[test]
fn a_start_cancels_an_archive() {
    let stopped = head(State::Stopped, Desired::Stopped, true, true, true);
    let archiving = stopped.capturing(Purpose::Archive, NOW).unwrap();
    let started = archiving.wish(Event::Start, false, NOW).unwrap().unwrap();
    assert_eq!((started.state, started.files.capture), (State::Restoring, None));
    assert_eq!(told(&started, &Seen::Started, None, NOW).state, State::Started);
}

#[test]
fn what_is_kept_survives_its_runner() {
    let mut stopped = head(State::Stopped, Desired::Stopped, true, true, true);
    assert!(!stopped.bereft(NOW).unwrap().failure.unwrap().recoverable);
    let id = CaptureId::of(stopped.id, 2);
    stopped.files.kept = Some(Kept { id, fresh: true });
    assert_eq!(stopped.bereft(NOW).unwrap().state, State::Archived);
    let mut started = head(State::Started, Desired::Started, true, true, true);
    started.files.kept = Some(Kept { id, fresh: false });
    let lost = started.bereft(NOW).unwrap();
    assert!(lost.state == State::Error && lost.failure.as_ref().is_some_and(|failure| failure.recoverable));
    assert_eq!(lost.wish(Event::Recover, false, NOW).unwrap().unwrap().state, State::Restoring);
}

#[test]
fn a_resize_that_finds_no_room_leaves_the_sizes_as_they_were() {
    let to = Resources { cpu: 4, memory_gib: 8, disk_gib: 3 };
    for (state, desired) in [(State::Started, Desired::Started), (State::Stopped, Desired::Stopped)] {
        let rested = head(state, desired, true, true, true);
        let resizing = rested.resized(to, NOW).unwrap();
        assert_eq!((resizing.state, resizing.desired, resizing.resources), (State::Resizing, desired, to));
        assert_eq!(resizing.charge, charge(to, state, desired), "paid from the wish on");
        let refused = told(&resizing, &Seen::Refused, None, NOW);
        assert_eq!((refused.state, refused.resources, refused.charge), (state, rested.resources, rested.charge));
        check_advanced(&resizing, &refused, LATER, "no room");
        let seen = if state == State::Started { Seen::Started } else { Seen::Stopped };
        let done = told(&resizing, &seen, None, NOW);
        assert_eq!((done.state, done.resources, done.resized_from), (state, to, None));
    }
}

#[test]
fn a_given_up_capture_leaves_the_sandbox_to_be_asked_for() {
    for (purpose, wished) in capturing() {
        let began = if wished.desired == Desired::Started { State::Started } else { State::Stopped };
        let after = wished.advance(LATER).0;
        let capture: Option<Capture> = after.files.capture;
        assert_eq!((after.state, capture), (began, None), "{purpose:?}");
        assert!(after.due.is_some(), "its owner has not applied the wish");
    }
}

#[test]
fn who_leaves_a_runner_is_deleted_from_a_pool_or_archived() {
    let mut left = 0;
    for head in heads() {
        let Some(leaving) = head.evacuated(LATER) else {
            let stays = head.organization.is_some() || head.is_leaving() || head.runner.is_none();
            assert!(stays, "{head:?}");
            let may = head.state == State::Stopped && head.runner.is_some() && head.is_at_rest();
            assert!(!may || head.organization.is_none(), "{head:?}");
            continue;
        };
        assert!(head.runner.is_some() && leaving.is_leaving() && leaving.generation == head.generation + 1, "{head:?}");
        match head.organization {
            None => assert_eq!((leaving.desired, &leaving.pool), (Desired::Destroyed, &None)),
            Some(_) => {
                assert_eq!((head.state, leaving.state), (State::Stopped, State::Archiving));
                assert_eq!(leaving.files.capture.map(|it| it.purpose), Some(Purpose::Archive));
            }
        }
        left += 1;
    }
    assert!(left > 2, "none was to leave");
}
