//! The gate: no caller's byte enters a sandbox before its owner has applied the wish that the caller knows of.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::future::Cache;
use paddock_wire::work::{Wish, Work};
use uuid::Uuid;

use crate::{
    control_api::ControlApi,
    sandboxes::registry::{Applied, Handle, Phase, Registry},
};

use super::error::EdgeError;

/// The queue is given this long before the specification is fetched past it.
const MOMENT: Duration = Duration::from_millis(200);
/// Between further fetches.
const FETCH_EVERY: Duration = Duration::from_secs(2);
/// Callers of the same sandbox share an answer this long.
const SHARE_FOR: Duration = Duration::from_millis(500);
/// Before an owner task that ended at once is seated again.
const RESEAT_AFTER: Duration = Duration::from_millis(100);

/// What a grant or a ticket says.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Which sandbox.
    pub sandbox_id: Uuid,
    /// Whose it must be.
    pub organization_id: Uuid,
    /// Placement.
    pub epoch: u64,
    /// Wish.
    pub generation: u64,
}

/// An open door.
#[derive(Debug)]
pub struct Opened {
    /// The daemon.
    pub addr: SocketAddr,
    /// The owner.
    pub handle: Handle,
    /// What is in force: a newer one gets connections of its own.
    pub applied: (u64, u64),
}

/// Waits in front of the sandboxes of this runner.
pub struct Gate {
    api: Arc<ControlApi>,
    registry: Arc<Registry>,
    bound: Duration,
    fetched: Cache<Uuid, Option<Arc<Work>>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Open(SocketAddr),
    Wait,
    Closed(EdgeError),
}

impl Gate {
    /// Waits at most `bound`.
    pub fn new(api: Arc<ControlApi>, registry: Arc<Registry>, bound: Duration) -> Self {
        let fetched = Cache::builder().max_capacity(10_000).time_to_live(SHARE_FOR).build();
        Self { api, registry, bound, fetched }
    }

    /// Opens when the owner has applied what the pass says, and the sandbox runs.
    pub async fn open(&self, pass: Pass) -> Result<Opened, EdgeError> {
        tokio::time::timeout(self.bound, self.wait(pass)).await.unwrap_or_else(|_| {
            Err(EdgeError::Unavailable(format!("Sandbox is not ready after {} s. Try again.", self.bound.as_secs())))
        })
    }

    async fn wait(&self, mut pass: Pass) -> Result<Opened, EdgeError> {
        let mut refetched = false;
        let mut fetch_at = Instant::now() + MOMENT;
        loop {
            let Some(handle) = self.registry.get(pass.sandbox_id) else {
                self.fetch(&mut pass).await?;
                continue;
            };
            let mut watch = handle.applied();
            let applied = watch.borrow_and_update().clone();
            match judge(&applied, &pass) {
                Verdict::Open(addr) => {
                    return Ok(Opened { addr, handle, applied: (applied.epoch, applied.generation) });
                }
                Verdict::Closed(error) if refetched => return Err(error),
                // The pass may be older than a wish that is still on its way to the owner.
                Verdict::Closed(_) => {
                    refetched = true;
                    self.fetch(&mut pass).await?;
                }
                Verdict::Wait => tokio::select! {
                    changed = watch.changed() => if changed.is_err() {
                        tokio::time::sleep(RESEAT_AFTER).await;
                        self.fetch(&mut pass).await?;
                    },
                    () = tokio::time::sleep_until(fetch_at.into()) => {
                        fetch_at = Instant::now() + FETCH_EVERY;
                        self.fetch(&mut pass).await?;
                    }
                },
            }
        }
    }

    /// Gets the newest wish past the queue and hands it to the owner.
    async fn fetch(&self, pass: &mut Pass) -> Result<(), EdgeError> {
        let asked = self.fetched.try_get_with(pass.sandbox_id, async {
            self.api.work(pass.sandbox_id).await.map(|work| work.map(Arc::new))
        });
        let work = match asked.await {
            Ok(Some(work)) => work,
            Ok(None) => return Err(EdgeError::Moved),
            Err(error) => {
                // The queue may still bring it within the bound.
                tracing::debug!(sandbox = %pass.sandbox_id, %error, "cannot fetch work");
                tokio::time::sleep(SHARE_FOR).await;
                return Ok(());
            }
        };
        match work.wish {
            Wish::Started => {}
            Wish::Stopped { .. } => return Err(not_running("stopped")),
            Wish::Paused => return Err(not_running("paused")),
            Wish::Archived => return Err(not_running("archived")),
            Wish::Destroyed => return Err(gone()),
        }
        if work.spec.organization_id != Some(pass.organization_id) {
            return Err(EdgeError::Moved);
        }
        if (work.epoch, work.generation) > (pass.epoch, pass.generation) {
            (pass.epoch, pass.generation) = (work.epoch, work.generation);
        }
        self.registry.deliver(Work::clone(&work));
        Ok(())
    }
}

fn judge(applied: &Applied, pass: &Pass) -> Verdict {
    if !applied.has_reached(pass.epoch, pass.generation) {
        return Verdict::Wait;
    }
    if applied.epoch != pass.epoch {
        return Verdict::Closed(EdgeError::Moved);
    }
    match &applied.phase {
        Phase::Starting => Verdict::Wait,
        Phase::Running { addr } => match applied.organization_id {
            Some(organization) if organization == pass.organization_id => Verdict::Open(*addr),
            Some(_) => Verdict::Closed(EdgeError::Moved),
            None => Verdict::Wait,
        },
        Phase::Stopped => Verdict::Closed(not_running("stopped")),
        Phase::Failed { reason } => Verdict::Closed(EdgeError::Failed(format!("Sandbox failed: {reason}"))),
        Phase::Gone => Verdict::Closed(gone()),
    }
}

fn not_running(state: &str) -> EdgeError {
    EdgeError::NotRunning { state: state.to_owned() }
}

fn gone() -> EdgeError {
    EdgeError::NotFound("Sandbox not found".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_open_only_for_the_applied_wish_of_the_same_owner() {
        let addr: SocketAddr = "127.0.0.1:2280".parse().unwrap();
        let organization = Uuid::new_v4();
        let pass = Pass { sandbox_id: Uuid::new_v4(), organization_id: organization, epoch: 3, generation: 7 };
        let applied = |epoch, generation, organization_id, phase| Applied { epoch, generation, phase, organization_id };
        let ours = Some(organization);
        let running = || Phase::Running { addr };
        let cases = [
            (applied(3, 7, ours, running()), Verdict::Open(addr)),
            (applied(3, 8, ours, running()), Verdict::Open(addr)),
            (applied(3, 6, ours, running()), Verdict::Wait),
            (applied(2, 9, ours, running()), Verdict::Wait),
            (applied(4, 1, ours, running()), Verdict::Closed(EdgeError::Moved)),
            (applied(3, 7, None, running()), Verdict::Wait),
            (applied(3, 7, Some(Uuid::new_v4()), running()), Verdict::Closed(EdgeError::Moved)),
            (applied(3, 7, ours, Phase::Starting), Verdict::Wait),
            (applied(3, 7, ours, Phase::Stopped), Verdict::Closed(not_running("stopped"))),
            (applied(3, 6, ours, Phase::Stopped), Verdict::Wait),
            (applied(3, 7, ours, Phase::Gone), Verdict::Closed(gone())),
        ];
        for (applied, verdict) in cases {
            assert_eq!(judge(&applied, &pass), verdict, "{applied:?}");
        }
    }
}
