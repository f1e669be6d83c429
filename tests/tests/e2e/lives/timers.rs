//! What happens by itself. Minutes are the smallest unit there is, so that this takes one.

use std::time::Duration;

use anyhow::{Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::turn;
use tokio::time::Instant;

use super::accepted;

/// The interval of all three.
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_minute_later_they_are_deleted_or_archived() -> Result<()> {
    let _turn = turn::shared().await;
    let api = Api::owner();
    tokio::try_join!(deleted(&api), archived(&api), at_its_end(&api)).map(|_| ())
}

async fn deleted(api: &Api) -> Result<()> {
    let (id, stopped) = stopped(api, "autodelete").await?;
    let shown = accepted(api, &id, "autodelete/1", None).await?;
    ensure!(shown["autoDeleteInterval"] == 1, "set, yet shown as {}", shown["autoDeleteInterval"]);
    api.until_gone(&id).await?;
    not_too_early("auto-delete", stopped)
}

async fn archived(api: &Api) -> Result<()> {
    let (id, stopped) = stopped(api, "autoarchive").await?;
    let shown = accepted(api, &id, "autoarchive/1", None).await?;
    ensure!(shown["autoArchiveInterval"] == 1, "set, yet shown as {}", shown["autoArchiveInterval"]);
    api.until_state(&id, "archived").await?;
    not_too_early("auto-archive", stopped)?;
    // No runner has to be asked: this is how an archive ends.
    api.delete(&id).await
}

async fn at_its_end(api: &Api) -> Result<()> {
    let id = api.create(labelled("ttl")).await?;
    let set = Instant::now();
    let shown = accepted(api, &id, "ttl/1", None).await?;
    ensure!(shown["autoDestroyAt"].is_string(), "set, yet not shown: {}", shown["autoDestroyAt"]);
    // Whatever it is doing: it runs.
    api.until_gone(&id).await?;
    not_too_early("ttl", set)
}

/// A stopped sandbox, and a moment before its stop, from which its intervals count.
async fn stopped(api: &Api, test: &str) -> Result<(String, Instant)> {
    let id = api.create(labelled(test)).await?;
    let moment = Instant::now();
    api.stop(&id).await?;
    Ok((id, moment))
}

fn not_too_early(what: &str, from: Instant) -> Result<()> {
    let passed = from.elapsed();
    ensure!(passed >= MINUTE, "{what} of a minute came after {passed:?}");
    println!("{what} of a minute came after {passed:?}");
    Ok(())
}
