//! What a change of a head does to captures, in the same transaction (design §5).
//!
//! A capture counts who names it: heads that keep it or began with it, and the snapshot made of it. What nobody names is
//! due for collection at once; what is under way, once its time is over.

use std::collections::BTreeMap;

use paddock_model::{
    id::{CaptureId, OpId},
    lifecycle::State,
    sandbox::{Capture, Files, Purpose, Sandbox},
};
use paddock_wire::work::Captured;

use super::write::Part;
use crate::store::{
    Error, Store,
    captures::Note,
    item::write,
    keys,
    snapshots::Ending,
    transaction::{Expression, Transaction},
};

impl Store {
    /// Hangs on the transaction what the change does to captures, to the snapshot made of one, and to the family.
    pub(super) fn hang_files(
        &self,
        transaction: &mut Transaction<'_, Part>,
        op: OpId,
        old: Option<&Sandbox>,
        new: &Sandbox,
        captured: Option<&Captured>,
    ) -> Result<(), Error> {
        for (id, note) in notes(old, new, captured) {
            transaction.update(Part::Capture, &keys::capture(id), note.expression(id, new, op))?;
        }
        if let Some((capture, ending)) = snapshot_ending(old.map(|old| &old.files), &new.files, captured) {
            let key = keys::snapshot(paddock_model::id::SnapshotId(capture.id.0));
            transaction.update(Part::Snapshot, &key, ending.expression(new.updated_at, op))?;
        }
        match (old.and_then(|old| old.files.parent), new.files.parent) {
            (None, Some(parent)) => {
                let item = write(&keys::child(parent, new.id), &BTreeMap::from([("op", op.to_string())]))?;
                transaction.put(Part::Child, item, Expression::default())?;
            }
            (Some(parent), None) => {
                transaction.delete(Part::Child, &keys::child(parent, new.id), Expression::default())?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// What is noted on each capture that the change is about.
fn notes(old: Option<&Sandbox>, new: &Sandbox, captured: Option<&Captured>) -> BTreeMap<CaptureId, Note> {
    let mut notes = BTreeMap::<CaptureId, Note>::new();
    for id in new.files.named() {
        notes.entry(id).or_default().names += 1;
    }
    for id in old.iter().flat_map(|old| old.files.named()) {
        notes.entry(id).or_default().names -= 1;
    }
    if old.is_none()
        && let (Some(base), Some(_)) = (new.files.base, new.files.parent)
    {
        notes.entry(base).or_default().child = Some(new.id);
    }
    let (before, after) = (old.and_then(|old| old.files.capture), new.files.capture);
    if before != after {
        if let Some(begun) = after {
            notes.entry(begun.id).or_default().begins = Some(begun.purpose);
        }
        if let Some(ended) = before {
            let note = notes.entry(ended.id).or_default();
            match captured {
                Some(Captured::Done { manifest }) if manifest.id == ended.id.0 && new.state != State::Destroyed => {
                    note.manifest = Some(manifest.clone());
                    // The snapshot that is made of it.
                    note.names += i64::from(ended.purpose == Purpose::Snapshot);
                }
                _ => note.abandoned = true,
            }
        }
    }
    notes.retain(|_, note| !note.is_empty());
    notes
}

/// How the snapshot ends that was being made of a capture that is over now.
fn snapshot_ending(old: Option<&Files>, new: &Files, captured: Option<&Captured>) -> Option<(Capture, Ending)> {
    let capture = old?.capture.filter(|capture| capture.purpose == Purpose::Snapshot)?;
    if new.capture == Some(capture) {
        return None;
    }
    let ending = match captured {
        Some(Captured::Done { manifest }) if manifest.id == capture.id.0 => Ending::Active,
        Some(Captured::Failed { id, reason }) if *id == capture.id.0 => Ending::Failed(reason.clone()),
        _ => Ending::Failed("the sandbox was changed, lost or deleted before its files were captured".to_owned()),
    };
    Some((capture, ending))
}

#[cfg(test)]
mod tests {
    use paddock_model::{
        id::{OrganizationId, RunnerId, SandboxId},
        lifecycle::Desired,
        quota::Charge,
        sandbox::{Kept, Resources, Timers},
        time::Timestamp,
    };
    use paddock_wire::work::Manifest;

    use super::*;

    fn sandbox(files: Files) -> Sandbox {
        let now = Timestamp(1);
        Sandbox {
            id: SandboxId(uuid::Uuid::from_u128(7)),
            organization: Some(OrganizationId::random()),
            pool: None,
            name: "n".into(),
            region: "local".into(),
            state: State::Stopped,
            desired: Desired::Stopped,
            generation: 2,
            epoch: 1,
            runner: Some(RunnerId::random()),
            seen_generation: 2,
            seen_seq: 1,
            has_container: true,
            attempt: 0,
            wished_at: now,
            placed_at: now,
            due: None,
            force: false,
            failure: None,
            daemon_version: None,
            resources: Resources { cpu: 1, memory_gib: 1, disk_gib: 1 },
            charge: Charge::default(),
            resized_from: None,
            files,
            queue_timed_out: false,
            timers: Timers::default(),
            last_activity: now,
            created_at: now,
            updated_at: now,
        }
    }

    fn id(n: u128) -> CaptureId {
        CaptureId(uuid::Uuid::from_u128(n))
    }

    fn kept(n: u128) -> Option<Kept> {
        Some(Kept { id: id(n), fresh: true })
    }

    fn done(n: u128) -> Captured {
        let manifest =
            Manifest { id: id(n).0, image: String::new(), sha256: String::new(), size: 1, unpacked: 1, entries: 1 };
        Captured::Done { manifest }
    }

    #[test]
    fn what_is_named_before_and_after_needs_no_note() {
        let same = sandbox(Files { base: Some(id(1)), kept: kept(2), ..Files::default() });
        assert!(notes(Some(&same), &same, None).is_empty());
    }

    #[test]
    fn a_backup_names_the_new_capture_and_lets_the_old_one_go() {
        let capture = Some(Capture { id: id(3), purpose: Purpose::Backup });
        let before = sandbox(Files { kept: kept(2), capture, ..Files::default() });
        let after = sandbox(Files { kept: kept(3), ..Files::default() });
        let notes = notes(Some(&before), &after, Some(&done(3)));
        assert_eq!((notes[&id(2)].names, notes[&id(3)].names), (-1, 1));
        assert!(notes[&id(3)].manifest.is_some() && !notes[&id(3)].abandoned);
    }

    #[test]
    fn a_newer_wish_abandons_what_nobody_will_name() {
        let capture = Some(Capture { id: id(3), purpose: Purpose::Backup });
        let before = sandbox(Files { kept: kept(2), capture, ..Files::default() });
        let after = sandbox(Files { kept: kept(2), ..Files::default() });
        let notes = notes(Some(&before), &after, None);
        assert_eq!(notes.len(), 1);
        assert!(notes[&id(3)].abandoned && notes[&id(3)].names == 0);
    }

    #[test]
    fn the_dead_name_nothing_and_a_snapshot_goes_on_naming() {
        let mut dead = sandbox(Files::default());
        dead.state = State::Destroyed;
        let before = sandbox(Files { base: Some(id(1)), kept: kept(2), ..Files::default() });
        let released = notes(Some(&before), &dead, None);
        assert_eq!(released.values().map(|note| note.names).collect::<Vec<_>>(), [-1, -1]);

        let capture = Some(Capture { id: id(4), purpose: Purpose::Snapshot });
        let before = sandbox(Files { capture, ..Files::default() });
        let after = sandbox(Files::default());
        assert_eq!(notes(Some(&before), &after, Some(&done(4)))[&id(4)].names, 1, "the snapshot's");
        assert_eq!(snapshot_ending(Some(&before.files), &after.files, Some(&done(4))).unwrap().1, Ending::Active);
        let lost = snapshot_ending(Some(&before.files), &after.files, None).unwrap().1;
        assert!(matches!(lost, Ending::Failed(_)));
        assert!(snapshot_ending(Some(&before.files), &before.files, None).is_none());
    }
}
