//! The one task that changes a sandbox. It reads its mailbox, asks its [`Mind`] what to do next, does one action at
//! a time, tells the mind the outcome, publishes, and reports.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use paddock_wire::work::{Env, Facts, Observed, Report, Wish, Work};

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
    let mut owner = Owner { host, seat, mind, env: Env::new(), door: None, seq: 0, version: None, urgent: None };
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
}

impl Owner {
    async fn live(&mut self) {
        loop {
            self.publish();
            match self.mind.next(self.seat.idle.idle()) {
                Next::Settle(observed) => self.settle(observed),
                Next::Rest if self.mind.is_over() => {
                    // Whoever writes after this seats a new owner.
                    self.seat.mailbox.close();
                    match self.seat.mailbox.try_recv() {
                        Ok(letter) => tracing::debug!(?letter, "letter to an owner that has ended"),
                        Err(_) => tracing::debug!(sandbox = %self.seat.sandbox_id, "nothing left to own"),
                    }
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
            letter = self.seat.mailbox.recv() => match letter {
                Some(letter) => self.read(letter),
                None => return false,
            },
            () = knock(&mut self.door) => self.mind.note_ready(),
            () = tokio::time::sleep(POINTLESS), if pointless => return false,
        }
        true
    }

    fn read(&mut self, letter: Letter) {
        match letter {
            Letter::Work(work) => self.receive(*work),
            Letter::Look => self.mind.note_doubt(),
            Letter::DaemonSilent => self.mind.note_silent(Instant::now()),
            Letter::Remove { epoch } => self.mind.remove(epoch),
            Letter::StopAndKeep { epoch } => self.mind.keep_stopped(epoch),
        }
    }

    fn receive(&mut self, work: Work) {
        let (key, seq, wish) = (Key::of(&work), work.seq, work.wish);
        let reception = self.mind.receive(work);
        tracing::debug!(sandbox = %self.seat.sandbox_id, ?key, ?wish, ?reception, "work");
        match reception {
            Reception::Accepted => self.accept(),
            Reception::Repeated => (),
            Reception::Ignored => return,
            Reception::Refused => {
                return tracing::error!(sandbox = %self.seat.sandbox_id, "work of another deployment refused");
            }
        }
        self.seq = self.seq.max(seq);
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

    fn settle(&mut self, observed: Observed) {
        self.mind.note_settled(observed.clone());
        self.urgent = None;
        // Doors first: a caller who waits for exactly this should not wait for the control plane as well.
        self.publish();
        let started = observed == Observed::Started;
        if observed == Observed::Destroyed {
            self.bury();
        }
        self.report(observed);
        if let (true, Some(body)) = (started, self.mind.held().body()) {
            let (host, sandbox, slot) = (Arc::clone(&self.host), self.seat.sandbox_id, body.slot.clone());
            tokio::spawn(async move { create::name_pause(&host, sandbox, &slot).await });
        }
    }

    /// Even what was never here gets its tombstone: the create may be on its way still.
    fn bury(&mut self) {
        self.door = None;
        let Some(epoch) = self.mind.proven() else { return };
        self.mind.note_buried(epoch);
        let journal = &self.host.journal;
        if journal.tombstone(self.seat.sandbox_id) < Some(epoch)
            && let Err(error) = journal.bury(self.seat.sandbox_id, epoch)
        {
            tracing::error!(sandbox = %self.seat.sandbox_id, %error, "tombstone not written");
        }
    }

    fn report(&mut self, observed: Observed) {
        let Some(work) = self.mind.target() else { return };
        self.seq += 1;
        let facts = Facts {
            daemon_version: self.version.clone().filter(|_| observed == Observed::Started),
            idle_seconds: Some(self.seat.idle.idle().as_secs()),
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
