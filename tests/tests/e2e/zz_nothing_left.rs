//! Named to run last: after all other tests nothing of theirs is left on the machine or in the table.

use anyhow::Result;
use paddock_tests::api::Api;
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::leftovers::Containers;
use paddock_tests::{quota, table, turn};

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
    within(PATIENCE, "containers as in the table", || async {
        Ok(Containers::find(&table::scan().await?).await?.look())
    })
    .await?;
    quota::settles().await
}
