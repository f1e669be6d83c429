//! The table's stream: the source of history.

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::types::AttributeValue as Written;
use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record, ShardIteratorType};

use super::context::{Context, number};
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "Streams":
        "insert, modify, remove come in order with both images" => images_in_order,
        "reading goes on after a sequence number" => resume,
    }
}

async fn write_three(context: &Context, what: &str) -> anyhow::Result<()> {
    for n in [1, 2] {
        let put = context.dynamodb.put_item().table_name(&context.table);
        put.set_item(Some(context.key(what, "H").into())).item("n", number(n)).send().await?;
    }
    let delete = context.dynamodb.delete_item().table_name(&context.table);
    delete.set_key(Some(context.key(what, "H").into())).send().await?;
    Ok(())
}

/// Records of one partition key, from the start of every shard or after a sequence number.
async fn records(
    context: &Context,
    what: &str,
    after: Option<&Record>,
    expected: usize,
) -> anyhow::Result<Vec<Record>> {
    let table = context.dynamodb.describe_table().table_name(&context.table).send().await?;
    let arn = table.table.and_then(|table| table.latest_stream_arn).context("the table has no stream")?;
    let stream =
        context.streams.describe_stream().stream_arn(&arn).send().await?.stream_description.context("no stream")?;
    let mut found = Vec::new();
    for shard in stream.shards() {
        let iterator = context.streams.get_shard_iterator().stream_arn(&arn).set_shard_id(shard.shard_id.clone());
        let iterator = match after.and_then(|record| record.dynamodb()?.sequence_number()) {
            Some(number) => {
                iterator.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(number)
            }
            None => iterator.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let mut next = iterator.send().await?.shard_iterator;
        // An open shard never ends and AWS may answer with empty pages in between.
        for _ in 0..50 {
            let Some(iterator) = next.take() else { break };
            let page = context.streams.get_records().shard_iterator(iterator).send().await?;
            let wanted = AttributeValue::S(what.to_owned());
            let of_item = |record: &Record| record.dynamodb().and_then(|body| body.keys()?.get("pk")) == Some(&wanted);
            found.extend(page.records().iter().filter(|record| of_item(record)).cloned());
            if found.len() >= expected {
                return Ok(found);
            }
            next = page.next_shard_iterator;
        }
    }
    Ok(found)
}

async fn images_in_order(context: &Context) -> anyhow::Result<()> {
    write_three(context, "streamed").await?;
    let records = records(context, "streamed", None, 3).await?;
    let kinds: Vec<_> = records.iter().filter_map(|record| record.event_name()).collect();
    ensure!(kinds == [&OperationType::Insert, &OperationType::Modify, &OperationType::Remove], "kinds {kinds:?}");
    let image = |index: usize, new: bool| {
        let body = records[index].dynamodb();
        let image = body.and_then(|body| if new { body.new_image() } else { body.old_image() });
        image.and_then(|image| image.get("n")?.as_n().ok().cloned())
    };
    let images: Vec<_> = (0..3).map(|index| (image(index, false), image(index, true))).collect();
    let n = |value: i64| Written::N(value.to_string()).as_n().ok().cloned();
    ensure!(images == [(None, n(1)), (n(1), n(2)), (n(2), None)], "images {images:?}");
    Ok(())
}

async fn resume(context: &Context) -> anyhow::Result<()> {
    write_three(context, "resumed").await?;
    let all = records(context, "resumed", None, 3).await?;
    ensure!(all.len() == 3, "{} records instead of 3", all.len());
    let rest = records(context, "resumed", all.first(), 2).await?;
    let kinds: Vec<_> = rest.iter().filter_map(|record| record.event_name()).collect();
    ensure!(kinds == [&OperationType::Modify, &OperationType::Remove], "kinds {kinds:?}");
    Ok(())
}
