//! SQS as the runners' inbox.

use anyhow::{Context as _, ensure};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry,
};

use super::context::Context;
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "SQS":
        "a queue made twice with the same attributes is the same queue" => create_twice,
        "a queue made twice with other attributes is refused" => create_differently,
        "retention is kept as given" => retention,
        "send, receive, delete; nothing comes again" => send_receive_delete,
        "a waiting receive gets the message sent during it" => long_poll_wakes,
        "ten messages in one call, deleted in one call" => batches,
        "a message made visible comes again and counts" => visibility,
        "attributes and a 200 KB body survive" => attributes_and_size,
        "a queue that is not there is a typed error" => not_there,
        "a deleted queue is not there" => deleted,
    }
}

async fn create_twice(context: &Context) -> anyhow::Result<()> {
    let create = || {
        let create = context.sqs.create_queue().queue_name(context.name("twice"));
        create.attributes(QueueAttributeName::MessageRetentionPeriod, "600").send()
    };
    let (first, second) = (create().await?.queue_url, create().await?.queue_url);
    ensure!(first.is_some() && first == second, "{first:?} and {second:?}");
    Ok(())
}

async fn create_differently(context: &Context) -> anyhow::Result<()> {
    let create = |seconds: &str| {
        let create = context.sqs.create_queue().queue_name(context.name("differently"));
        create.attributes(QueueAttributeName::MessageRetentionPeriod, seconds).send()
    };
    create("600").await?;
    let refused = create("700").await.err().context("accepted")?.into_service_error();
    ensure!(refused.is_queue_name_exists(), "{refused:?}");
    Ok(())
}

async fn retention(context: &Context) -> anyhow::Result<()> {
    let create = context.sqs.create_queue().queue_name(context.name("retention"));
    let url = create.attributes(QueueAttributeName::MessageRetentionPeriod, "600").send().await?.queue_url;
    let get = context.sqs.get_queue_attributes().set_queue_url(url);
    let answer = get.attribute_names(QueueAttributeName::All).send().await?;
    let attributes = answer.attributes.unwrap_or_default();
    let kept = attributes.get(&QueueAttributeName::MessageRetentionPeriod);
    ensure!(kept.map(String::as_str) == Some("600"), "retention {kept:?}");
    ensure!(attributes.contains_key(&QueueAttributeName::QueueArn), "no ARN");
    Ok(())
}

async fn send_receive_delete(context: &Context) -> anyhow::Result<()> {
    let url = context.queue("plain").await?;
    context.sqs.send_message().queue_url(&url).message_body("work").send().await?;
    let got = context.sqs.receive_message().queue_url(&url).wait_time_seconds(5).send().await?;
    let message = got.messages().first().context("nothing came")?;
    ensure!(message.body() == Some("work"), "body {:?}", message.body());
    let receipt = message.receipt_handle().context("no receipt")?;
    context.sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await?;
    // Visible at once if it still existed; what is deleted may be refused. (Received with a timeout of 0 it could be
    // visible before the deletion, whose receipt is then an old one.)
    let show = context.sqs.change_message_visibility().queue_url(&url).receipt_handle(receipt).visibility_timeout(0);
    show.send().await.ok();
    let again = context.sqs.receive_message().queue_url(&url).wait_time_seconds(1).send().await?;
    ensure!(again.messages().is_empty(), "deleted and came again");
    Ok(())
}

async fn long_poll_wakes(context: &Context) -> anyhow::Result<()> {
    let url = context.queue("poll").await?;
    let waiting = tokio::spawn(context.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send());
    // The poll must be under way; what is asserted is that it ends with the message.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    ensure!(!waiting.is_finished(), "the poll did not wait");
    context.sqs.send_message().queue_url(&url).message_body("late").send().await?;
    let got = waiting.await??;
    ensure!(got.messages().first().and_then(|message| message.body()) == Some("late"), "the poll ended empty");
    Ok(())
}

async fn batches(context: &Context) -> anyhow::Result<()> {
    let url = context.queue("batch").await?;
    let entries = (0..10)
        .map(|n| SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(format!("m{n}")).build())
        .collect::<Result<Vec<_>, _>>()?;
    let sent = context.sqs.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await?;
    ensure!(sent.successful().len() == 10 && sent.failed().is_empty(), "{} sent", sent.successful().len());
    let mut bodies = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let receive = context.sqs.receive_message().queue_url(&url).wait_time_seconds(2).max_number_of_messages(10);
        let got = receive.send().await?;
        let mut receipts = Vec::new();
        for (n, message) in got.messages().iter().enumerate() {
            bodies.extend(message.body().map(str::to_owned));
            let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
            receipts.push(entry.set_receipt_handle(message.receipt_handle.clone()).build()?);
        }
        if receipts.is_empty() {
            break;
        }
        let deleted = context.sqs.delete_message_batch().queue_url(&url).set_entries(Some(receipts)).send().await?;
        ensure!(deleted.failed().is_empty(), "batch delete failed");
        if bodies.len() == 10 {
            return Ok(());
        }
    }
    anyhow::bail!("{} of 10 came", bodies.len())
}

async fn visibility(context: &Context) -> anyhow::Result<()> {
    let url = context.queue("visible").await?;
    context.sqs.send_message().queue_url(&url).message_body("again").send().await?;
    for expected in ["1", "2"] {
        let receive = context.sqs.receive_message().queue_url(&url).wait_time_seconds(5).visibility_timeout(600);
        let receive = receive.message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All);
        let got = receive.send().await?;
        let message = got.messages().first().context("nothing came")?;
        let count = message.attributes().and_then(|attributes| {
            attributes.get(&aws_sdk_sqs::types::MessageSystemAttributeName::ApproximateReceiveCount)
        });
        ensure!(count.map(String::as_str) == Some(expected), "count {count:?} instead of {expected}");
        let change = context.sqs.change_message_visibility().queue_url(&url).visibility_timeout(0);
        change.receipt_handle(message.receipt_handle().context("no receipt")?).send().await?;
    }
    Ok(())
}

async fn attributes_and_size(context: &Context) -> anyhow::Result<()> {
    let url = context.queue("size").await?;
    let body = "x".repeat(200 * 1024);
    let attribute = MessageAttributeValue::builder().data_type("String").string_value("value").build()?;
    let send = context.sqs.send_message().queue_url(&url).message_body(&body);
    send.message_attributes("name", attribute).send().await?;
    let receive = context.sqs.receive_message().queue_url(&url).wait_time_seconds(5).message_attribute_names("All");
    let got = receive.send().await?;
    let message = got.messages().first().context("nothing came")?;
    ensure!(message.body() == Some(body.as_str()), "the body changed");
    let value = message.message_attributes().and_then(|all| all.get("name")?.string_value());
    ensure!(value == Some("value"), "attribute {value:?}");
    Ok(())
}

async fn not_there(context: &Context) -> anyhow::Result<()> {
    let get = context.sqs.get_queue_url().queue_name(context.name("nowhere")).send().await;
    let refused = get.err().context("accepted")?.into_service_error();
    ensure!(refused.is_queue_does_not_exist(), "get_queue_url: {refused:?}");
    let url = context.queue("somewhere").await?.replace("somewhere", "nowhere");
    let send = context.sqs.send_message().queue_url(url).message_body("x").send().await;
    let refused = send.err().context("accepted")?.into_service_error();
    ensure!(refused.is_queue_does_not_exist(), "send_message: {refused:?}");
    Ok(())
}

async fn deleted(context: &Context) -> anyhow::Result<()> {
    let url = context.queue("deleted").await?;
    context.sqs.delete_queue().queue_url(&url).send().await?;
    let listed = context.sqs.list_queues().queue_name_prefix(context.name("deleted")).send().await?;
    ensure!(listed.queue_urls().is_empty(), "still listed");
    Ok(())
}
