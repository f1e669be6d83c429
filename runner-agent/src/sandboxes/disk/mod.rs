//! The disk: who takes more of it than he was promised, and how much is left for all.
//!
//! Where the engine limits no disk (`disk_quota` is not among the capabilities) the files of each running sandbox are
//! measured from time to time, one sandbox after the other. Who is over his limit is stopped; his files stay, and he may
//! recover. A write of many GiB between two looks is seen too late, and so are files that are open and have no name; so
//! the disk itself is watched too, and takes nothing new when it is nearly full.
//!
//! * [`accounts`] who is looked at when, and what follows

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use self::accounts::{Account, Accounts, Verdict};
use super::{
    host::Host,
    registry::{Letter, Registry},
};
use crate::engine::{Container, EngineError, Space};

mod accounts;

/// Between looks at the disk itself, which cost a system call and a list of containers. At 500 MB/s it fills by 2.5 GB in this
/// time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looking at files takes the disk from those who work: a fifth of the time of one thread at most.
const REST: u32 = 4;
/// A file system that is fuller becomes slow and scatters files; and root's reserve on ext4 is as much.
const FREE_PERCENT: u64 = 5;
/// On a small disk, one image and what is written until the next look.
const FREE_LEAST: u64 = 2 << 30;
const GIB: u64 = 1 << 30;

/// Watches, for ever.
pub async fn watch(host: Arc<Host>, registry: Arc<Registry>) {
    let mut accounts = Accounts::default();
    let mut short = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match host.engine.space().await {
            Ok(space) => short = note_space(&host, space, short),
            Err(error) => tracing::warn!(%error, "the disk is not looked at"),
        }
        if host.engine.limits_disk() {
            continue;
        }
        if let Err(error) = look(&host, &registry, &mut accounts, short).await {
            tracing::warn!(%error, "what sandboxes take of the disk is not looked at");
        }
    }
}

/// Whether too little is left.
fn note_space(host: &Host, space: Space, before: bool) -> bool {
    let short = is_short(space);
    let Space { size, free } = space;
    match (before, short) {
        (false, true) => tracing::error!(free, size, "the disk is nearly full: nothing new is taken"),
        (true, false) => tracing::info!(free, size, "the disk has room again"),
        (true, true) | (false, false) => (),
    }
    host.holdings.set_disk_is_short(short);
    short
}

fn is_short(Space { size, free }: Space) -> bool {
    free < (size / 100 * FREE_PERCENT).max(FREE_LEAST)
}

/// Looks at all whose turn it is, one after the other.
async fn look(host: &Host, registry: &Registry, accounts: &mut Accounts, short: bool) -> Result<(), EngineError> {
    let containers = host.engine.list(&host.deployment, &host.runner).await?;
    let placed = |container: &Container| container.labels.sandbox().map(|labels| (labels.sandbox, labels.epoch));
    let running = containers.iter().filter(|container| container.running && !container.paused).filter_map(placed);
    accounts.note_running(running.collect());
    for (sandbox, epoch) in accounts.due(Instant::now(), short) {
        let container = containers.iter().find(|container| placed(container) == Some((sandbox, epoch)));
        let (Some(container), Some(disk_gib)) = (container, host.holdings.disk_gib(sandbox, epoch)) else { continue };
        let began = Instant::now();
        let used = match host.engine.disk_use(&container.id).await {
            Ok(used) => used,
            Err(EngineError::Unavailable(reason)) => return Err(EngineError::Unavailable(reason)),
            Err(error) => {
                tracing::warn!(%sandbox, %error, "what it takes of the disk is not known");
                continue;
            }
        };
        let account = Account { used, limit: u64::from(disk_gib) * GIB, took: began.elapsed() };
        if accounts.judge((sandbox, epoch), account, Instant::now(), short) == Verdict::Over {
            tell(registry, sandbox, epoch, account);
        }
        // Where the disk is about to be full, whose fault it is is found out first.
        if !short {
            tokio::time::sleep(account.took * REST).await;
        }
    }
    Ok(())
}

fn tell(registry: &Registry, sandbox: Uuid, epoch: u64, account: Account) {
    let reason = reason(account);
    tracing::warn!(%sandbox, reason, "stopping it");
    if let Some(owner) = registry.get(sandbox) {
        owner.send(Letter::OverDisk { epoch, reason });
    }
}

fn reason(Account { used, limit, .. }: Account) -> String {
    // Rounded up: what is over its limit must not look as if it were not.
    let tenths = (used * 10).div_ceil(GIB);
    format!("disk limit of {} GiB exceeded (uses {}.{} GiB)", limit / GIB, tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left_when_it_is_a_twentieth_or_two_gib() {
        let of = |size, free| is_short(Space { size: size * GIB, free: free * GIB });
        assert!(of(1000, 49) && !of(1000, 51));
        assert!(of(20, 1) && !of(20, 2));
    }

    #[test]
    fn users_read_how_much_it_is() {
        let of = |used| reason(Account { used, limit: 10 * GIB, took: Duration::ZERO });
        assert_eq!(of(12 * GIB + GIB / 4), "disk limit of 10 GiB exceeded (uses 12.3 GiB)");
        assert_eq!(of(10 * GIB + 1), "disk limit of 10 GiB exceeded (uses 10.1 GiB)");
    }
}
