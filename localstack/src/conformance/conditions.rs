//! Conditional writes: the base of every state change.

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure};

use super::context::{Context, number, text};
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "DynamoDB":
        "put with attribute_not_exists: first wins, second is refused, typed" => put_if_absent,
        "refused put returns the old item (ALL_OLD)" => put_returns_old,
        "refused update returns the old item (ALL_OLD)" => update_returns_old,
        "refused delete returns the old item (ALL_OLD)" => delete_returns_old,
        "condition on a missing item fails without an item" => missing_item,
        "update under `epoch = :e AND generation < :g` applies once" => counters_guard,
        "conditional delete returns what was deleted" => delete_with_condition,
        "an update without condition makes the item" => update_makes_item,
    }
}

async fn put_if_absent(context: &Context) -> anyhow::Result<()> {
    let put = |owner: &str| {
        let put =
            context.dynamodb.put_item().table_name(&context.table).condition_expression("attribute_not_exists(pk)");
        put.set_item(Some(context.key("absent", "N").into())).item("owner", text(owner))
    };
    put("one").send().await?;
    let refused = put("two").send().await.err().context("the second put was accepted")?;
    ensure!(refused.into_service_error().is_conditional_check_failed_exception(), "not the typed error");
    let item = context.item("absent", "N").await?.context("no item")?;
    ensure!(item["owner"] == text("one"), "the second put replaced the item");
    Ok(())
}

async fn seed(context: &Context, what: &str) -> anyhow::Result<()> {
    let put = context.dynamodb.put_item().table_name(&context.table).set_item(Some(context.key(what, "H").into()));
    put.item("op", text("first")).item("generation", number(3)).item("epoch", number(1)).send().await?;
    Ok(())
}

async fn put_returns_old(context: &Context) -> anyhow::Result<()> {
    seed(context, "put-old").await?;
    let put = context.dynamodb.put_item().table_name(&context.table).set_item(Some(context.key("put-old", "H").into()));
    let refused = put
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .send()
        .await
        .err()
        .context("accepted")?
        .into_service_error();
    match refused {
        aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => {
            let old = failed.item.context("the refusal carries no item")?;
            ensure!(old["op"] == text("first"), "another item came back");
            Ok(())
        }
        other => Err(other.into()),
    }
}

async fn update_returns_old(context: &Context) -> anyhow::Result<()> {
    seed(context, "update-old").await?;
    let refused = context
        .dynamodb
        .update_item()
        .table_name(&context.table)
        .set_key(Some(context.key("update-old", "H").into()))
        .update_expression("SET op = :op")
        .condition_expression("generation < :g")
        .expression_attribute_values(":op", text("second"))
        .expression_attribute_values(":g", number(3))
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .send()
        .await
        .err()
        .context("accepted")?
        .into_service_error();
    match refused {
        aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) => {
            let old = failed.item.context("the refusal carries no item")?;
            ensure!(old["op"] == text("first") && old["generation"] == number(3), "another item came back");
            Ok(())
        }
        other => Err(other.into()),
    }
}

async fn delete_returns_old(context: &Context) -> anyhow::Result<()> {
    seed(context, "delete-old").await?;
    let refused = context
        .dynamodb
        .delete_item()
        .table_name(&context.table)
        .set_key(Some(context.key("delete-old", "H").into()))
        .condition_expression("op = :op")
        .expression_attribute_values(":op", text("other"))
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .send()
        .await
        .err()
        .context("accepted")?
        .into_service_error();
    match refused {
        aws_sdk_dynamodb::operation::delete_item::DeleteItemError::ConditionalCheckFailedException(failed) => {
            ensure!(failed.item.context("the refusal carries no item")?["op"] == text("first"), "another item");
        }
        other => return Err(other.into()),
    }
    ensure!(context.item("delete-old", "H").await?.is_some(), "the item is gone all the same");
    Ok(())
}

async fn missing_item(context: &Context) -> anyhow::Result<()> {
    let refused = context
        .dynamodb
        .update_item()
        .table_name(&context.table)
        .set_key(Some(context.key("missing", "H").into()))
        .update_expression("SET op = :op")
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":op", text("x"))
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .send()
        .await
        .err()
        .context("accepted")?
        .into_service_error();
    match refused {
        aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) => {
            ensure!(failed.item.is_none(), "an item came back where none is");
        }
        other => return Err(other.into()),
    }
    ensure!(context.item("missing", "H").await?.is_none(), "the refused update made the item");
    Ok(())
}

async fn counters_guard(context: &Context) -> anyhow::Result<()> {
    seed(context, "guard").await?;
    let update = || {
        let update = context.dynamodb.update_item().table_name(&context.table);
        update
            .set_key(Some(context.key("guard", "H").into()))
            .update_expression("SET generation = :g, op = :op")
            .condition_expression("epoch = :e AND generation < :g")
            .expression_attribute_values(":g", number(4))
            .expression_attribute_values(":e", number(1))
            .expression_attribute_values(":op", text("second"))
            .return_values(ReturnValue::AllNew)
            .send()
    };
    let applied = update().await?.attributes.context("ALL_NEW gave nothing")?;
    ensure!(applied["generation"] == number(4) && applied["epoch"] == number(1), "wrong new item");
    let again = update().await.err().context("the same generation was applied twice")?;
    ensure!(again.into_service_error().is_conditional_check_failed_exception(), "not the typed error");
    Ok(())
}

async fn delete_with_condition(context: &Context) -> anyhow::Result<()> {
    seed(context, "delete").await?;
    let deleted = context
        .dynamodb
        .delete_item()
        .table_name(&context.table)
        .set_key(Some(context.key("delete", "H").into()))
        .condition_expression("op = :op")
        .expression_attribute_values(":op", text("first"))
        .return_values(ReturnValue::AllOld)
        .send()
        .await?;
    ensure!(deleted.attributes.context("ALL_OLD gave nothing")?["op"] == text("first"), "wrong old item");
    ensure!(context.item("delete", "H").await?.is_none(), "still there");
    Ok(())
}

async fn update_makes_item(context: &Context) -> anyhow::Result<()> {
    let update = context.dynamodb.update_item().table_name(&context.table);
    update
        .set_key(Some(context.key("upsert", "H").into()))
        .update_expression("SET op = :op")
        .expression_attribute_values(":op", text("made"))
        .send()
        .await?;
    ensure!(context.item("upsert", "H").await?.context("no item")?["op"] == text("made"), "wrong item");
    Ok(())
}
