//! Named to run last: after all other tests nothing of theirs is left on the machine or in the table.

use anyhow::{Context, Result};
use paddock_tests::api::Api;
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::stack::STACK;
use paddock_tests::{docker, processes, quota, table, turn};

/// Networks that a runner may keep in advance after a burst of creates (`CEILING` of its `network/slots/demand.rs`).
const MOST_IN_STOCK: usize = 32;

#[tokio::test]
async fn no_sandbox_container_or_charge_is_left() -> Result<()> {
    let _turn = turn::alone().await;
    let api = Api::owner();
    // A test need not wait for what it has deleted.
    within(PATIENCE, "no sandbox is left by a test", || async {
        let left = api.list().await?;
        Ok(if left.is_empty() { Look::Done(()) } else { Look::NotYet(format!("{left:?}")) })
    })
    .await?;
    // The pool fills up again after the last claims.
    within(PATIENCE, "containers as in the table", containers_match_the_table).await?;
    quota::settles().await
}

/// One container per sandbox, and no other sandbox's; of networks no more than are in use or in stock.
async fn containers_match_the_table() -> Result<Look<()>> {
    let items = table::scan().await?;
    let mut unexplained = of_this_stack("sandbox").await?;
    let mut networks = of_this_stack("pause").await?;
    for (id, head) in table::live_heads(&items) {
        let found = docker::containers(&id).await?;
        if found.len() != 1 {
            let state = table::text(head, "state");
            return Ok(Look::NotYet(format!("{state} sandbox {id} has {} containers", found.len())));
        }
        let network = docker::pause_of(&docker::inspect(&found[0]).await?).await?.id;
        unexplained.retain(|container| *container != found[0]);
        networks.retain(|container| *container != network);
    }
    let stock = processes::agents(STACK.state_dir()).len() * MOST_IN_STOCK;
    let seen = format!("unexplained: {unexplained:?}; {} networks in stock, at most {stock} expected", networks.len());
    Ok(if unexplained.is_empty() && networks.len() <= stock { Look::Done(()) } else { Look::NotYet(seen) })
}

/// Other stacks on this machine have their own deployment.
async fn of_this_stack(role: &str) -> Result<Vec<String>> {
    let deployment = STACK.env.get("PADDOCK_DEPLOYMENT").context("the env file names the deployment")?;
    let [deployment, role] =
        [format!("label=dev.paddock.deployment={deployment}"), format!("label=dev.paddock.role={role}")];
    let listed = docker::docker(&["ps", "-aq", "--no-trunc", "--filter", &deployment, "--filter", &role]).await?;
    Ok(listed.lines().map(str::to_owned).collect())
}
