//! The one task that changes a sandbox. It reads its mailbox, asks its [`Mind`] what to do next, does one action at
//! a time, tells the mind the outcome, publishes, and reports.

use std::{sync::Arc, time::Duration};

use paddock_wire::work::{Captured, Env, Facts, Observed, Report, Wish, Work};
use tokio::time::Instant;

use super::{
    actions::create,
    environment,
    host::Host,
    mind::{Mind, Next, Reception},
    registry::{Letter, OwnerSeat},
    state::Key,
};
use crate::{engine::starts::Counted, readiness::ReadyDoor};

mod act;

/// An owner that was seated for nothing waits this long for a first word.
const POINTLESS: Duration = Duration::from_secs(60);

/// Runs the owner of a sandbox until there is nothing left to own.
pub async fn run(host: Arc<Host>, seat: OwnerSeat) {
    let mind = Mind::new(&host.deployment, host.journal.tombstone(seat.sandbox_id));
    let mut owner = Owner {
        host,
        seat,
        mind,
        env: Env::new(),
        door: None,
        seq: 0,
        version: None,
        urgent: None,
        capturing: false,
        trusts_until: Instant::now(),
        named: None,
    };
    owner.live().await;
    owner.publish();
}

struct Owner {
    host: Arc<Host>,
    seat: OwnerSeat,
    mind: Mind,
    /// Environment of the target.
    env: Env,
    door: Option<ReadyDoor>,
    seq: u64,
    version: Option<String>,
    /// Held from the first step of a start until it is settled, so that stock is not made in between.
    urgent: Option<Counted>,
    /// A capture is under way.
    capturing: bool,
    /// Until then a silent daemon is no sign of anything.
    trusts_until: Instant,
    /// The pause container that was given the sandbox's name.
    named: Option<String>,
}

impl Owner {
    async fn live(&mut self) {
        loop {
            self.publish();
            match self.mind.next(self.seat.idle.idle()) {
                Next::Settle(observed) => self.settle(observed).await,
                // Letters that wait are read first: one of them may be about another placement.
                Next::Rest if self.mind.is_over() && self.seat.mailbox.is_empty() => {
                    // Whoever writes after this seats a new owner.
                    self.seat.mailbox.close();
                    while let Ok(letter) = self.seat.mailbox.try_recv() {
                        tracing::warn!(sandbox = %self.seat.sandbox_id, ?letter, "letter to an owner that has ended");
                    }
                    tracing::debug!(sandbox = %self.seat.sandbox_id, "nothing left to own");
                    return;
                }
                Next::Rest => {
                    if !self.rest().await {
                        return;
                    }
                }
                action => self.act(action).await,
            }
        }
    }

    /// Waits for something to happen; false when nothing ever will.
    async fn rest(&mut self) -> bool {
        self.urgent = None;
        let pointless = self.mind.is_pointless();
        tokio::select! {
            biased;
            letter = self.seat.mailbox.recv() => match letter {
                Some(letter) => _ = self.read(letter),
                None => return false,
            },
            () = knock(&mut self.door) => self.mind.note_ready(),
            () = tokio::time::sleep(POINTLESS), if pointless => return false,
        }
        true
    }

    /// What became of a copy of the wish, if it was one.
    fn read(&mut self, letter: Letter) -> Option<Reception> {
        match letter {
            Letter::Work(work) => return Some(self.receive(*work)),
            Letter::Look => self.mind.note_doubt(),
            // It is, or just was, frozen for its capture.
            Letter::DaemonSilent if self.capturing || Instant::now() < self.trusts_until => (),
            Letter::DaemonSilent => self.mind.note_silent(Instant::now()),
            Letter::OverDisk { epoch, reason } => self.mind.note_over_disk(epoch, reason),
            Letter::Remove { epoch } => self.mind.remove(epoch),
            Letter::StopAndKeep { epoch } => self.mind.keep_stopped(epoch),
        }
        None
    }

    fn receive(&mut self, work: Work) -> Reception {
        let (key, seq, wish) = (Key::of(&work), work.seq, work.wish);
        let reception = self.mind.receive(work);
        tracing::debug!(sandbox = %self.seat.sandbox_id, ?key, ?wish, ?reception, "work");
        match reception {
            Reception::Accepted => self.accept(),
            Reception::Repeated | Reception::Ignored => (),
            Reception::Refused => {
                tracing::error!(sandbox = %self.seat.sandbox_id, "work of another deployment refused")
            }
        }
        if matches!(reception, Reception::Accepted | Reception::Repeated) {
            self.seq = self.seq.max(seq);
        }
        reception
    }

    fn accept(&mut self) {
        // A wish is a use: whoever just asked for something is there.
        self.seat.idle.touch();
        let Some(work) = self.mind.target() else { return };
        if work.wish == Wish::Destroyed {
            return;
        }
        let key = self.host.control.session().map(|session| session.env_key.clone());
        let env = key
            .map_err(|error| error.to_string())
            .and_then(|key| environment::of(work, &key).map_err(|error| error.to_string()));
        match env {
            Ok(env) => {
                self.mind.note_wanted_env(environment::digest_of(&env));
                self.env = env;
            }
            Err(reason) => self.mind.give_up(Observed::Failed { reason, recoverable: true }),
        }
    }

    fn publish(&self) {
        let applied = self.mind.applied();
        self.seat.applied.send_if_modified(|before| {
            let changed = *before != applied;
            *before = applied;
            changed
        });
    }

    async fn settle(&mut self, observed: Observed) {
        self.mind.note_settled(observed.clone());
        self.urgent = None;
        // Doors first: a caller who waits for exactly this should not wait for the control plane as well.
        self.publish();
        let started = observed == Observed::Started;
        if observed == Observed::Destroyed {
            self.bury().await;
        }
        let captured = self.mind.captured().cloned();
        self.report(observed, captured);
        if started {
            self.name_pause();
        }
    }

    /// Once per pause container.
    fn name_pause(&mut self) {
        let Some(body) = self.mind.held().body() else { return };
        if self.named.as_ref() != Some(&body.slot.pause) {
            self.named = Some(body.slot.pause.clone());
            let (host, sandbox, slot) = (Arc::clone(&self.host), self.seat.sandbox_id, body.slot.clone());
            tokio::spawn(async move { create::name_pause(&host, sandbox, &slot).await });
        }
    }

    /// Even what was never here gets its tombstone: the create may be on its way still.
    async fn bury(&mut self) {
        self.door = None;
        let Some(epoch) = self.mind.proven() else { return };
        self.mind.note_buried(epoch);
        if self.host.journal.tombstone(self.seat.sandbox_id) < Some(epoch)
            && let Err(error) = self.host.bury(self.seat.sandbox_id, epoch).await
        {
            tracing::error!(sandbox = %self.seat.sandbox_id, %error, "tombstone not written");
        }
    }

    fn report(&mut self, observed: Observed, captured: Option<Captured>) {
        let Some(work) = self.mind.target() else { return };
        self.seq += 1;
        let facts = Facts {
            daemon_version: self.version.clone().filter(|_| observed == Observed::Started),
            idle_seconds: Some(self.seat.idle.idle().as_secs()),
            captured,
        };
        self.host.outbox.put(Report {
            sandbox_id: work.sandbox_id,
            epoch: work.epoch,
            generation: work.generation,
            seq: self.seq,
            observed,
            facts,
        });
    }
}

/// The next knock at the door, if there is one.
async fn knock(door: &mut Option<ReadyDoor>) {
    match door {
        Some(door) => {
            if door.knocks.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            door.knocks.mark_unchanged();
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        engine::fake::FakeEngine,
        sandboxes::{
            environment::tests::work,
            host::tests::host,
            registry::{Phase, Registry},
        },
    };

    #[tokio::test]
    async fn letters_that_wait_when_an_owner_is_done_are_read() {
        let state = tempfile::tempdir().unwrap();
        let host = host(&FakeEngine::new(&[]), state.path()).await;
        let registry = Registry::new(move |seat| _ = tokio::spawn(run(Arc::clone(&host), seat)));
        let gone = work(Uuid::new_v4(), 1, 1, Wish::Destroyed);
        let placed = Work { epoch: 2, wish: Wish::Started, ..gone.clone() };
        let mut applied = registry.deliver(gone).applied();
        registry.deliver(placed);
        // This host is registered nowhere and cannot unseal an environment: that it says so is enough.
        let read = applied.wait_for(|now| matches!(now.phase, Phase::Failed { .. })).await;
        assert!(read.is_ok(), "the owner ended with a letter unread");
    }
}
