//! Update expressions and what values survive a round trip.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::context::{Context, number, text};
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "DynamoDB":
        "ADD counts up from nothing and down again" => add_counts,
        "list_append, if_not_exists, map paths and REMOVE in one update" => nested_update,
        "a path into a map that is not there is refused" => missing_map,
        "38 digits, binary, empty text, bool, null survive" => value_types,
        "an item over 400 KB is refused" => too_large,
        "a reserved word without # is refused" => reserved_word,
        "capacity is reported when asked for" => capacity,
    }
}

async fn add_counts(context: &Context) -> anyhow::Result<()> {
    let add = |by: i64| {
        let update = context.dynamodb.update_item().table_name(&context.table);
        update
            .set_key(Some(context.key("count", "Q").into()))
            .update_expression("ADD used :by")
            .expression_attribute_values(":by", number(by))
            .return_values(ReturnValue::UpdatedNew)
            .send()
    };
    for (by, expected) in [(5, 5), (2, 7), (-3, 4)] {
        let now = add(by).await?.attributes.context("UPDATED_NEW gave nothing")?;
        ensure!(now["used"] == number(expected), "{:?} instead of {expected}", now["used"]);
    }
    Ok(())
}

async fn nested_update(context: &Context) -> anyhow::Result<()> {
    let put = context.dynamodb.put_item().table_name(&context.table);
    put.set_item(Some(context.key("nested", "H").into()))
        .item("labels", AttributeValue::M(HashMap::from([("a".into(), text("1")), ("b".into(), text("2"))])))
        .item("entries", AttributeValue::L(vec![text("x")]))
        .item("task", text("t"))
        .send()
        .await?;
    let update = context.dynamodb.update_item().table_name(&context.table);
    let new = update
        .set_key(Some(context.key("nested", "H").into()))
        .update_expression(
            "SET labels.#c = :three, entries = list_append(entries, :more), tries = if_not_exists(tries, :zero) + :one REMOVE labels.a, task",
        )
        .expression_attribute_names("#c", "c")
        .expression_attribute_values(":three", text("3"))
        .expression_attribute_values(":more", AttributeValue::L(vec![text("y")]))
        .expression_attribute_values(":zero", number(0))
        .expression_attribute_values(":one", number(1))
        .return_values(ReturnValue::AllNew)
        .send()
        .await?
        .attributes
        .context("ALL_NEW gave nothing")?;
    let labels = HashMap::from([("b".to_owned(), text("2")), ("c".to_owned(), text("3"))]);
    ensure!(new["labels"] == AttributeValue::M(labels), "labels: {:?}", new["labels"]);
    ensure!(new["entries"] == AttributeValue::L(vec![text("x"), text("y")]), "entries: {:?}", new["entries"]);
    ensure!(new["tries"] == number(1) && !new.contains_key("task"), "counter or removal");
    Ok(())
}

async fn missing_map(context: &Context) -> anyhow::Result<()> {
    let put = context.dynamodb.put_item().table_name(&context.table);
    put.set_item(Some(context.key("no-map", "H").into())).send().await?;
    let update = context.dynamodb.update_item().table_name(&context.table);
    let refused = update
        .set_key(Some(context.key("no-map", "H").into()))
        .update_expression("SET labels.a = :a")
        .expression_attribute_values(":a", text("1"))
        .send()
        .await;
    let code = refused.err().context("accepted")?.into_service_error().meta().code().map(str::to_owned);
    ensure!(code.as_deref() == Some("ValidationException"), "code {code:?}");
    Ok(())
}

async fn value_types(context: &Context) -> anyhow::Result<()> {
    let values = [
        ("digits", AttributeValue::N("12345678901234567890123456789012345678".into())),
        ("fraction", AttributeValue::N("-0.5".into())),
        ("bytes", AttributeValue::B(Blob::new([0_u8, 255, 10]))),
        ("empty", text("")),
        ("yes", AttributeValue::Bool(true)),
        ("nothing", AttributeValue::Null(true)),
        ("words", AttributeValue::Ss(vec!["one".into()])),
    ];
    let mut put =
        context.dynamodb.put_item().table_name(&context.table).set_item(Some(context.key("types", "H").into()));
    for (name, value) in &values {
        put = put.item(*name, value.clone());
    }
    put.send().await?;
    let item = context.item("types", "H").await?.context("no item")?;
    for (name, value) in &values {
        ensure!(item.get(*name) == Some(value), "{name}: {:?}", item.get(*name));
    }
    Ok(())
}

async fn too_large(context: &Context) -> anyhow::Result<()> {
    let put = context.dynamodb.put_item().table_name(&context.table).set_item(Some(context.key("large", "H").into()));
    let refused = put.item("body", text(&"x".repeat(410 * 1024))).send().await;
    let code = refused.err().context("accepted")?.into_service_error().meta().code().map(str::to_owned);
    ensure!(code.as_deref() == Some("ValidationException"), "code {code:?}");
    Ok(())
}

async fn reserved_word(context: &Context) -> anyhow::Result<()> {
    let update = context.dynamodb.update_item().table_name(&context.table);
    let refused = update
        .set_key(Some(context.key("reserved", "H").into()))
        .update_expression("SET state = :s")
        .expression_attribute_values(":s", text("x"))
        .send()
        .await;
    let code = refused.err().context("accepted")?.into_service_error().meta().code().map(str::to_owned);
    ensure!(code.as_deref() == Some("ValidationException"), "code {code:?}");
    Ok(())
}

async fn capacity(context: &Context) -> anyhow::Result<()> {
    let put = context.dynamodb.put_item().table_name(&context.table).set_item(Some(context.key("units", "H").into()));
    let put = put.return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total).send().await?;
    let units = put.consumed_capacity.and_then(|consumed| consumed.capacity_units);
    ensure!(units.is_some_and(|units| units >= 1.0), "units: {units:?}");
    Ok(())
}
