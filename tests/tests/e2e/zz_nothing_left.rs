//! Named to run last: after all other tests nothing of theirs is left on the machine or in the table.

use anyhow::{Result, ensure};
use paddock_tests::api::Api;
use paddock_tests::converge::{CONVERGENCE, Look, within};
use paddock_tests::{docker, quota, table, turn};

#[tokio::test]
async fn no_sandbox_container_or_charge_is_left() -> Result<()> {
    let _turn = turn::alone().await;
    let left = Api::owner().list().await?;
    ensure!(left.is_empty(), "sandboxes left by tests: {left:?}");
    // The pool fills up again after the last claims.
    within(CONVERGENCE, "containers as in the table", containers_match_the_table).await?;
    quota::check_conserved(&table::scan().await?)
}

/// One running container and one for its network per sandbox, and no others.
async fn containers_match_the_table() -> Result<Look<()>> {
    let mut unexplained = docker::labelled("dev.paddock.deployment").await?;
    let items = table::scan().await?;
    for (id, head) in table::live_heads(&items) {
        for role in ["sandbox", "pause"] {
            let found = docker::containers(&id, role).await?;
            if found.len() != 1 {
                let state = table::text(head, "state");
                return Ok(Look::NotYet(format!("{state} sandbox {id} has {} containers as {role}", found.len())));
            }
            unexplained.retain(|container| *container != found[0]);
        }
    }
    if unexplained.is_empty() { Ok(Look::Done(())) } else { Ok(Look::NotYet(format!("unexplained: {unexplained:?}"))) }
}
