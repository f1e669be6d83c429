//! Transactions: create with name and quota, claim from a pool, report with release.

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactGetItem,
    TransactWriteItem, Update,
};

use super::context::{Context, number, text};
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "DynamoDB":
        "a transaction writes all its items" => writes_all,
        "a cancelled one writes none, gives a reason per item and the old item" => cancelled,
        "a condition check on another item guards the write" => condition_check,
        "the same client token is applied once" => token_once,
        "the same client token with other items is refused" => token_mismatch,
        "two writes to one item are refused" => same_item_twice,
        "transactional reads see all or nothing written" => transact_get,
    }
}

fn put(context: &Context, what: &str, op: &str) -> anyhow::Result<TransactWriteItem> {
    let put = Put::builder()
        .table_name(&context.table)
        .set_item(Some(context.key(what, "H").into()))
        .item("op", text(op))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

fn add(context: &Context, what: &str) -> anyhow::Result<TransactWriteItem> {
    let update = Update::builder()
        .table_name(&context.table)
        .set_key(Some(context.key(what, "Q").into()))
        .update_expression("ADD used :one")
        .expression_attribute_values(":one", number(1))
        .build()?;
    Ok(TransactWriteItem::builder().update(update).build())
}

async fn writes_all(context: &Context) -> anyhow::Result<()> {
    let items = vec![put(context, "tx-all", "a")?, add(context, "tx-all")?];
    context.dynamodb.transact_write_items().set_transact_items(Some(items)).send().await?;
    ensure!(context.item("tx-all", "H").await?.is_some(), "the put is missing");
    ensure!(context.item("tx-all", "Q").await?.context("the update is missing")?["used"] == number(1), "the count");
    Ok(())
}

async fn reasons(context: &Context, items: Vec<TransactWriteItem>) -> anyhow::Result<Vec<CancellationReason>> {
    let sent = context.dynamodb.transact_write_items().set_transact_items(Some(items)).send().await;
    match sent.err().context("accepted")?.into_service_error() {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons.context("no reasons")
        }
        other => Err(other.into()),
    }
}

async fn cancelled(context: &Context) -> anyhow::Result<()> {
    let seed = context.dynamodb.put_item().table_name(&context.table);
    seed.set_item(Some(context.key("tx-name", "H").into())).item("op", text("first")).send().await?;
    let items = vec![add(context, "tx-quota")?, put(context, "tx-name", "second")?];
    let reasons = reasons(context, items).await?;
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    ensure!(codes == ["None", "ConditionalCheckFailed"], "codes {codes:?}");
    let old = reasons[1].item().context("no old item")?;
    ensure!(old["op"] == text("first"), "another old item: {old:?}");
    ensure!(context.item("tx-quota", "Q").await?.is_none(), "half the transaction was written");
    Ok(())
}

async fn condition_check(context: &Context) -> anyhow::Result<()> {
    let check = ConditionCheck::builder()
        .table_name(&context.table)
        .set_key(Some(context.key("tx-gone", "H").into()))
        .condition_expression("attribute_exists(pk)")
        .build()?;
    let check = TransactWriteItem::builder().condition_check(check).build();
    let reasons = reasons(context, vec![check, add(context, "tx-guarded")?]).await?;
    ensure!(reasons[0].code() == Some("ConditionalCheckFailed"), "reason {:?}", reasons[0].code());
    ensure!(context.item("tx-guarded", "Q").await?.is_none(), "written although the check failed");
    Ok(())
}

async fn token_once(context: &Context) -> anyhow::Result<()> {
    for _ in 0..2 {
        let items = vec![add(context, "tx-token")?];
        let write = context.dynamodb.transact_write_items().set_transact_items(Some(items));
        write.client_request_token(context.name("once")).send().await?;
    }
    let item = context.item("tx-token", "Q").await?.context("no item")?;
    ensure!(item["used"] == number(1), "applied {:?} times", item["used"]);
    Ok(())
}

async fn token_mismatch(context: &Context) -> anyhow::Result<()> {
    let write = |what: &str| -> anyhow::Result<_> {
        let write = context.dynamodb.transact_write_items().transact_items(add(context, what)?);
        Ok(write.client_request_token(context.name("other")).send())
    };
    write("tx-mismatch-a")?.await?;
    let refused = write("tx-mismatch-b")?.await.err().context("accepted")?.into_service_error();
    ensure!(refused.is_idempotent_parameter_mismatch_exception(), "{refused:?}");
    Ok(())
}

async fn same_item_twice(context: &Context) -> anyhow::Result<()> {
    let items = vec![add(context, "tx-twice")?, add(context, "tx-twice")?];
    let refused = context.dynamodb.transact_write_items().set_transact_items(Some(items)).send().await;
    let code = refused.err().context("accepted")?.into_service_error().meta().code().map(str::to_owned);
    ensure!(code.as_deref() == Some("ValidationException"), "code {code:?}");
    Ok(())
}

async fn transact_get(context: &Context) -> anyhow::Result<()> {
    let items = vec![put(context, "tx-get", "a")?, add(context, "tx-get")?];
    context.dynamodb.transact_write_items().set_transact_items(Some(items)).send().await?;
    let mut read = context.dynamodb.transact_get_items();
    for sk in ["H", "Q", "none"] {
        let get = aws_sdk_dynamodb::types::Get::builder().table_name(&context.table);
        let get = get.set_key(Some(context.key("tx-get", sk).into())).build()?;
        read = read.transact_items(TransactGetItem::builder().get(get).build());
    }
    let found: Vec<bool> = read.send().await?.responses().iter().map(|response| response.item().is_some()).collect();
    ensure!(found == [true, true, false], "found {found:?}");
    Ok(())
}
