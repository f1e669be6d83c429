//! Queries, indexes, batches, expiry.

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, TimeToLiveSpecification, TimeToLiveStatus};

use super::context::{Context, number, text};
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "DynamoDB":
        "a sparse index holds only items with its keys, and only keys" => sparse_keys_only,
        "an index query pages in order and ends" => index_pages,
        "an index query takes a range of sort keys" => index_range,
        "a query reads a partition backwards with begins_with" => begins_with,
        "a consistent read sees the write before it" => read_your_write,
        "batch get returns what is there of 100 keys" => batch_get,
        "expiry can be switched on and is described" => time_to_live,
    }
}

async fn indexed(context: &Context, what: &str, partition: &str, sort: &str) -> anyhow::Result<()> {
    let put = context.dynamodb.put_item().table_name(&context.table).set_item(Some(context.key(what, "H").into()));
    put.item("g1pk", text(partition)).item("g1sk", text(sort)).item("body", text("not a key")).send().await?;
    Ok(())
}

/// AWS updates indexes a moment later; emulators at once.
async fn in_index(
    context: &Context,
    partition: &str,
    expected: usize,
) -> anyhow::Result<Vec<std::collections::HashMap<String, AttributeValue>>> {
    const LOOKS: u32 = 50;
    let mut items = Vec::new();
    for _ in 0..LOOKS {
        let query = context.dynamodb.query().table_name(&context.table).index_name("gsi1");
        let query = query.key_condition_expression("g1pk = :p").expression_attribute_values(":p", text(partition));
        items = query.send().await?.items.unwrap_or_default();
        if items.len() == expected {
            return Ok(items);
        }
        // There is no event for an index having caught up.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} items in the index instead of {expected}", items.len())
}

async fn sparse_keys_only(context: &Context) -> anyhow::Result<()> {
    indexed(context, "sparse-1", "D#sparse", "001").await?;
    let plain = context.dynamodb.put_item().table_name(&context.table);
    plain.set_item(Some(context.key("sparse-2", "H").into())).item("g1pk", text("D#sparse")).send().await?;
    let items = in_index(context, "D#sparse", 1).await?;
    let mut names: Vec<_> = items[0].keys().map(String::as_str).collect();
    names.sort_unstable();
    ensure!(names == ["g1pk", "g1sk", "pk", "sk"], "projected {names:?}");
    let update = context.dynamodb.update_item().table_name(&context.table);
    let update = update.set_key(Some(context.key("sparse-1", "H").into())).update_expression("REMOVE g1pk, g1sk");
    update.send().await?;
    in_index(context, "D#sparse", 0).await.map(drop)
}

async fn index_pages(context: &Context) -> anyhow::Result<()> {
    for n in 0..7 {
        indexed(context, &format!("page-{n}"), "L#page", &format!("{n:03}")).await?;
    }
    in_index(context, "L#page", 7).await?;
    let (mut sorts, mut start, mut pages) = (Vec::new(), None, 0);
    loop {
        let query = context.dynamodb.query().table_name(&context.table).index_name("gsi1").limit(3);
        let query = query.key_condition_expression("g1pk = :p").expression_attribute_values(":p", text("L#page"));
        let page = query.set_exclusive_start_key(start).send().await?;
        sorts.extend(page.items().iter().filter_map(|item| item["g1sk"].as_s().ok().cloned()));
        pages += 1;
        start = page.last_evaluated_key;
        if start.is_none() {
            break;
        }
        ensure!(pages < 10, "paging does not end");
    }
    let expected: Vec<String> = (0..7).map(|n| format!("{n:03}")).collect();
    ensure!(sorts == expected, "order {sorts:?}");
    Ok(())
}

async fn index_range(context: &Context) -> anyhow::Result<()> {
    for n in [1, 5, 9] {
        indexed(context, &format!("due-{n}"), "D#due", &format!("{n:03}#x")).await?;
    }
    in_index(context, "D#due", 3).await?;
    let query = context.dynamodb.query().table_name(&context.table).index_name("gsi1");
    let due = query
        .key_condition_expression("g1pk = :p AND g1sk <= :now")
        .expression_attribute_values(":p", text("D#due"))
        .expression_attribute_values(":now", text("006"))
        .send()
        .await?;
    ensure!(due.count == 2, "{} due instead of 2", due.count);
    Ok(())
}

async fn begins_with(context: &Context) -> anyhow::Result<()> {
    for sk in ["H", "T#1", "T#2", "T#3"] {
        let put = context.dynamodb.put_item().table_name(&context.table);
        put.set_item(Some(context.key("history", sk).into())).send().await?;
    }
    let query = context.dynamodb.query().table_name(&context.table).consistent_read(true).scan_index_forward(false);
    let found = query
        .key_condition_expression("pk = :p AND begins_with(sk, :t)")
        .expression_attribute_values(":p", text("history"))
        .expression_attribute_values(":t", text("T#"))
        .send()
        .await?;
    let order: Vec<_> = found.items().iter().filter_map(|item| item["sk"].as_s().ok().cloned()).collect();
    ensure!(order == ["T#3", "T#2", "T#1"], "order {order:?}");
    Ok(())
}

async fn read_your_write(context: &Context) -> anyhow::Result<()> {
    for n in 0..20 {
        let put = context.dynamodb.put_item().table_name(&context.table);
        put.set_item(Some(context.key("fresh", "H").into())).item("n", number(n)).send().await?;
        ensure!(context.item("fresh", "H").await?.context("no item")?["n"] == number(n), "an old read at {n}");
    }
    Ok(())
}

async fn batch_get(context: &Context) -> anyhow::Result<()> {
    for n in 0..40 {
        let put = context.dynamodb.put_item().table_name(&context.table);
        put.set_item(Some(context.key(&format!("batch-{n}"), "H").into())).send().await?;
    }
    let keys = (0..100).map(|n| context.key(&format!("batch-{n}"), "H").into()).collect();
    let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
    let answer = context.dynamodb.batch_get_item().request_items(&context.table, request).send().await?;
    let found = answer.responses().and_then(|tables| tables.get(&context.table)).map_or(0, Vec::len);
    ensure!(found == 40, "{found} instead of 40");
    ensure!(answer.unprocessed_keys().is_none_or(|keys| keys.is_empty()), "unprocessed keys");
    Ok(())
}

async fn time_to_live(context: &Context) -> anyhow::Result<()> {
    let on = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(true).build()?;
    context.dynamodb.update_time_to_live().table_name(&context.table).time_to_live_specification(on).send().await?;
    let described = context.dynamodb.describe_time_to_live().table_name(&context.table).send().await?;
    let description = described.time_to_live_description.context("no description")?;
    let status = description.time_to_live_status();
    ensure!(matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)), "status {status:?}");
    ensure!(description.attribute_name() == Some("ttl"), "attribute {:?}", description.attribute_name());
    Ok(())
}
