//! The revocation feed: what stopped being allowed, heard of within seconds.
//!
//! A grant that is handed out is in the [`Ledger`] as long as anyone holds it. A revocation cancels the matching ones,
//! and with them every stream that was opened on them. A grant that was asked for before a revocation and answered
//! after it is not admitted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use paddock_wire::agents::{Grant, Revocation, Revoked};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::control_api::ControlApi;

use super::error::EdgeError;

/// A silence longer than this means that revocations may be missed: no new grants.
pub const BLIND_AFTER: Duration = Duration::from_secs(10);

/// Between questions; a revocation must take effect within five seconds.
pub const POLL_EVERY: Duration = Duration::from_secs(2);

/// One slow answer must not eat the five seconds in which a revocation takes effect.
const POLL_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a caller waits for the first word of the feed after a start.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// How long an entry is remembered, to know it again when the feed repeats it.
const REMEMBER: Duration = Duration::from_secs(600);
/// How long an entry stands against grants in flight; longer than any call to the control plane.
const STANDS_FOR: Duration = Duration::from_secs(90);

/// A grant in use.
pub struct Held {
    /// What the control plane said.
    pub grant: Grant,
    /// Cancelled by a revocation.
    pub revoked: CancellationToken,
    /// When the control plane was asked.
    pub asked: Instant,
}

impl Held {
    fn is_meant(&self, what: &Revoked) -> bool {
        match what {
            Revoked::Credential { sha256 } => self.grant.credential_sha256.eq_ignore_ascii_case(sha256),
            Revoked::Sandbox { sandbox_id } => self.grant.sandbox_id == *sandbox_id,
        }
    }
}

/// Grants in use against revocations heard.
#[derive(Default)]
pub struct Ledger(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    serial: u64,
    /// Grants asked for before this serial are worth nothing.
    all_until: u64,
    standing: VecDeque<Standing>,
    live: Vec<Weak<Held>>,
    prune_at: usize,
}

struct Standing {
    serial: u64,
    heard: Instant,
    what: Revoked,
}

impl Ledger {
    /// To be noted before the control plane is asked.
    pub fn serial(&self) -> u64 {
        self.lock().serial
    }

    /// Takes a grant in, unless something was revoked since `serial` that may not be in it yet.
    pub fn admit(&self, grant: Grant, asked: Instant, serial: u64) -> Option<Arc<Held>> {
        let mut inner = self.lock();
        let held = Held { grant, revoked: CancellationToken::new(), asked };
        let missed = inner.all_until > serial;
        if missed || inner.standing.iter().any(|standing| standing.serial > serial && held.is_meant(&standing.what)) {
            return None;
        }
        let held = Arc::new(held);
        if inner.live.len() >= inner.prune_at {
            inner.live.retain(|weak| weak.strong_count() > 0);
            inner.prune_at = (inner.live.len() * 2).max(1024);
        }
        inner.live.push(Arc::downgrade(&held));
        Some(held)
    }

    /// Cancels what is meant; how many grants that were.
    pub fn revoke(&self, what: &Revoked) -> usize {
        let mut inner = self.lock();
        inner.serial += 1;
        let standing = Standing { serial: inner.serial, heard: Instant::now(), what: what.clone() };
        inner.standing.push_back(standing);
        while inner.standing.front().is_some_and(|standing| standing.heard.elapsed() > STANDS_FOR) {
            inner.standing.pop_front();
        }
        let meant: Vec<_> = inner.live.iter().filter_map(Weak::upgrade).filter(|held| held.is_meant(what)).collect();
        drop(inner);
        meant.iter().for_each(|held| held.revoked.cancel());
        meant.len()
    }

    /// Cancels every grant: what was missed cannot be known.
    pub fn revoke_all(&self) {
        let mut inner = self.lock();
        inner.serial += 1;
        inner.all_until = inner.serial;
        let live = std::mem::take(&mut inner.live);
        drop(inner);
        live.iter().filter_map(Weak::upgrade).for_each(|held| held.revoked.cancel());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The feed, as far as it was heard.
pub struct Feed {
    heard: watch::Sender<Option<Instant>>,
    poll_every: Duration,
    blind_after: Duration,
}

impl Feed {
    /// Nothing heard yet.
    pub fn new(poll_every: Duration, blind_after: Duration) -> Self {
        Self { heard: watch::Sender::new(None), poll_every, blind_after }
    }

    /// Passes while the feed is heard. Before its first word there is nothing to build on, so that is waited for.
    pub async fn is_heard(&self) -> Result<(), EdgeError> {
        let mut heard = self.heard.subscribe();
        let first = tokio::time::timeout(FIRST_WORD, heard.wait_for(Option::is_some)).await;
        match first {
            Ok(Ok(at)) if at.is_some_and(|at| at.elapsed() <= self.blind_after) => Ok(()),
            _ => Err(EdgeError::Unavailable(
                "The control plane cannot be reached, so new access cannot be granted now. Try again.".to_owned(),
            )),
        }
    }

    /// Polls until dropped.
    pub async fn run(&self, api: &ControlApi, ledger: &Ledger) {
        let mut seen = Seen::default();
        let mut cursor: Option<String> = None;
        let mut ticks = tokio::time::interval(self.poll_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut silent = false;
        loop {
            ticks.tick().await;
            // The answer covers what was committed before we asked, so that is the moment that counts.
            let asked = Instant::now();
            let answer = tokio::time::timeout(POLL_TIMEOUT, api.revocations(cursor.as_deref())).await;
            let failure = match answer {
                Ok(Ok(answer)) => {
                    cursor = Some(answer.cursor);
                    for entry in answer.entries.into_iter().filter(|entry| seen.is_new(entry)) {
                        let closed = ledger.revoke(&entry.what);
                        tracing::info!(what = ?entry.what, grants = closed, "revoked");
                    }
                    self.heard.send_replace(Some(asked));
                    silent = false;
                    continue;
                }
                Ok(Err(error)) => {
                    // The cursor is older than what the feed keeps: entries were missed.
                    if cursor.is_some() && error.status() == Some(reqwest::StatusCode::GONE) {
                        ledger.revoke_all();
                        cursor = None;
                    }
                    error.to_string()
                }
                Err(_) => "no answer in time".to_owned(),
            };
            if !silent {
                silent = true;
                tracing::warn!(failure, "the revocation feed is silent");
            }
        }
    }
}

/// Entries heard before: the feed overlaps, so that an entry committed late is not missed.
#[derive(Default)]
struct Seen {
    ids: HashMap<String, Instant>,
    prune_at: usize,
}

impl Seen {
    fn is_new(&mut self, entry: &Revocation) -> bool {
        if self.ids.len() >= self.prune_at {
            self.ids.retain(|_, heard| heard.elapsed() < REMEMBER);
            self.prune_at = (self.ids.len() * 2).max(256);
        }
        self.ids.insert(entry.id.clone(), Instant::now()).is_none()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn grant(sandbox_id: Uuid, sha256: &str) -> Grant {
        Grant {
            sandbox_id,
            organization_id: Uuid::new_v4(),
            credential_sha256: sha256.to_owned(),
            epoch: 1,
            generation: 1,
            wants_started: true,
            state: "started".to_owned(),
            runner_id: None,
            relay_url: None,
            ttl_seconds: 300,
        }
    }

    fn admit(ledger: &Ledger, grant: Grant) -> Arc<Held> {
        ledger.admit(grant, Instant::now(), ledger.serial()).unwrap()
    }

    #[test]
    fn only_what_is_meant_is_cancelled() {
        let ledger = Ledger::default();
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        let (a, b, c) =
            (admit(&ledger, grant(one, "aa")), admit(&ledger, grant(one, "bb")), admit(&ledger, grant(two, "aa")));
        assert_eq!(ledger.revoke(&Revoked::Credential { sha256: "AA".to_owned() }), 2);
        assert!(a.revoked.is_cancelled() && c.revoked.is_cancelled() && !b.revoked.is_cancelled());
        assert_eq!(ledger.revoke(&Revoked::Sandbox { sandbox_id: one }), 2);
        assert!(b.revoked.is_cancelled());
    }

    #[test]
    fn a_grant_in_flight_during_its_revocation_is_not_admitted() {
        let ledger = Ledger::default();
        let id = Uuid::new_v4();
        let before = ledger.serial();
        ledger.revoke(&Revoked::Sandbox { sandbox_id: id });
        assert!(ledger.admit(grant(id, "aa"), Instant::now(), before).is_none());
        assert!(ledger.admit(grant(Uuid::new_v4(), "aa"), Instant::now(), before).is_some());
        assert!(ledger.admit(grant(id, "aa"), Instant::now(), ledger.serial()).is_some());
    }

    #[test]
    fn after_a_gap_nothing_old_is_worth_anything() {
        let ledger = Ledger::default();
        let before = ledger.serial();
        let held = admit(&ledger, grant(Uuid::new_v4(), "aa"));
        ledger.revoke_all();
        assert!(held.revoked.is_cancelled());
        assert!(ledger.admit(grant(Uuid::new_v4(), "aa"), Instant::now(), before).is_none());
        assert!(!admit(&ledger, grant(Uuid::new_v4(), "aa")).revoked.is_cancelled());
    }

    #[test]
    fn a_repeated_entry_is_heard_once() {
        let mut seen = Seen::default();
        let entry = |id: &str| Revocation { id: id.to_owned(), what: Revoked::Sandbox { sandbox_id: Uuid::nil() } };
        assert!(seen.is_new(&entry("1")));
        assert!(!seen.is_new(&entry("1")));
        assert!(seen.is_new(&entry("2")));
    }
}
