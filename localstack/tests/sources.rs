//! What invokes functions besides HTTP.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use paddock_localstack::stack::Stack;
use running_stack::{Folder, sdk, until};
use serde_json::Value;

const VARIABLE: &str = "PADDOCK_TABLE: !Ref PaddockTable";
const WINDOW: &str = "MaximumBatchingWindowInSeconds: 5";
const AT_ONCE: (&str, &str) = (WINDOW, "MaximumBatchingWindowInSeconds: 0");
/// Longer than a busy machine takes for a few writes.
const LONG_WINDOW: (&str, &str) = (WINDOW, "MaximumBatchingWindowInSeconds: 15");

async fn recording(more: &[(&str, &str)], schedules: bool) -> (Folder, Stack, impl Fn() -> Vec<Value> + use<>) {
    let folder = Folder::new();
    let records = folder.path("records");
    let variable = format!("{VARIABLE}\n        PROBE_RECORDS: {}", records.display());
    let mut changes = vec![(VARIABLE, variable.as_str())];
    changes.extend(more);
    let mut options = folder.options(folder.template(&changes));
    options.schedules = schedules;
    let stack = Stack::start(options).await.unwrap();
    let seen = move || {
        let text = std::fs::read_to_string(&records).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    (folder, stack, seen)
}

/// The head of a sandbox, which is what the filter lets through.
async fn put(client: &aws_sdk_dynamodb::Client, id: &str, poison: bool) {
    put_item(client, &format!("S#{id}"), "H", poison).await;
}

async fn put_item(client: &aws_sdk_dynamodb::Client, pk: &str, sk: &str, poison: bool) {
    let put = client.put_item().table_name("paddock").item("pk", AttributeValue::S(pk.into()));
    put.item("sk", AttributeValue::S(sk.into())).item("poison", AttributeValue::Bool(poison)).send().await.unwrap();
}

/// Several heads in one transaction: the stream has all of them or none, so that they share a batch without a window.
async fn put_together(client: &aws_sdk_dynamodb::Client, ids: &[&str], poisoned: &str) {
    let mut items = Vec::new();
    for id in ids {
        let put = Put::builder().table_name("paddock").item("pk", AttributeValue::S(format!("S#{id}")));
        let put = put.item("sk", AttributeValue::S("H".into())).item("poison", AttributeValue::Bool(*id == poisoned));
        items.push(TransactWriteItem::builder().put(put.build().unwrap()).build());
    }
    client.transact_write_items().set_transact_items(Some(items)).send().await.unwrap();
}

/// The next dead letter. A poll ends after 20 s; a function may take longer to start and to fail on a busy machine.
async fn dead_letter(config: &aws_config::SdkConfig) -> Value {
    let sqs = aws_sdk_sqs::Client::new(config);
    let url = sqs.get_queue_url().queue_name("paddock-events-dead-letters").send().await.unwrap().queue_url.unwrap();
    for _ in 0..6 {
        let got = sqs.receive_message().queue_url(&url).wait_time_seconds(20).send().await.unwrap();
        if let Some(message) = got.messages().first() {
            return serde_json::from_str(message.body().unwrap()).unwrap();
        }
    }
    panic!("no dead letter came");
}

fn ids(records: &[Value]) -> Vec<String> {
    let id = |record: &Value| record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().replace("S#", "");
    records.iter().map(id).collect()
}

#[tokio::test]
async fn each_change_of_a_head_reaches_the_stream_function_in_order_and_nothing_else_does() {
    let (_folder, stack, seen) = recording(&[AT_ONCE], false).await;
    let client = aws_sdk_dynamodb::Client::new(&sdk(&stack.endpoint_url()).await);
    for id in ["a", "b", "c"] {
        put_item(&client, "W#runner", "L", false).await;
        put_item(&client, &format!("S#{id}"), "P", false).await;
        put(&client, id, false).await;
    }
    until(|| seen().len() >= 3).await;
    assert_eq!(ids(&seen()), ["a", "b", "c"]);
    assert_eq!(seen()[0]["eventName"], "INSERT");
    assert!(seen()[0]["eventSourceARN"].as_str().unwrap().contains("table/paddock/stream/"));
}

#[tokio::test]
async fn changes_within_the_window_share_an_invocation() {
    let (_folder, stack, seen) = recording(&[LONG_WINDOW], false).await;
    let client = aws_sdk_dynamodb::Client::new(&sdk(&stack.endpoint_url()).await);
    for id in ["a", "b", "c"] {
        put(&client, id, false).await;
    }
    let invocations =
        || stack.endpoint().stats.counted().functions.get("paddock-events").map_or(0, |it| it.invocations);
    // Counted when it ends, which is later than its last record.
    until(|| seen().len() == 3 && invocations() > 0).await;
    assert_eq!(invocations(), 1);
}

#[tokio::test]
async fn a_batch_that_fails_is_split_so_that_its_neighbours_get_through() {
    let (_folder, stack, seen) =
        recording(&[AT_ONCE, ("MaximumRetryAttempts: 5", "MaximumRetryAttempts: 0")], false).await;
    let config = sdk(&stack.endpoint_url()).await;
    put_together(&aws_sdk_dynamodb::Client::new(&config), &["before", "bad", "after"], "bad").await;
    until(|| seen().len() >= 8).await;
    // Together; then one by one, because half of three is one.
    assert_eq!(ids(&seen()), ["before", "bad", "after", "before", "bad", "after", "bad", "after"]);
    assert_eq!(dead_letter(&config).await["DDBStreamBatchInfo"]["batchSize"], 1);
}

#[tokio::test]
async fn a_batch_that_fails_for_good_goes_to_the_dead_letters_and_the_stream_goes_on() {
    let (_folder, stack, seen) =
        recording(&[AT_ONCE, ("MaximumRetryAttempts: 5", "MaximumRetryAttempts: 1")], false).await;
    let config = sdk(&stack.endpoint_url()).await;
    let client = aws_sdk_dynamodb::Client::new(&config);
    put(&client, "bad", true).await;
    let letter = dead_letter(&config).await;
    assert_eq!(letter["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(letter["requestContext"]["condition"], "RetryAttemptsExhausted");
    put(&client, "good", false).await;
    until(|| ids(&seen()).last().is_some_and(|id| id == "good")).await;
    // Once for the first attempt and once for the retry, then never again.
    assert_eq!(ids(&seen()), ["bad", "bad", "good"]);
}

#[tokio::test]
async fn the_stream_goes_on_where_it_was_after_a_restart() {
    let folder = Folder::new();
    let records = folder.path("records");
    let variable = format!("{VARIABLE}\n        PROBE_RECORDS: {}", records.display());
    let mut options = folder.options(folder.template(&[AT_ONCE, (VARIABLE, &variable)]));
    options.state_dir = Some(folder.path("state"));
    // Whole lines only: a function may be writing one.
    let seen = || std::fs::read_to_string(&records).unwrap_or_default().matches('\n').count();
    let stack = Stack::start(options.clone()).await.unwrap();
    put(&aws_sdk_dynamodb::Client::new(&sdk(&stack.endpoint_url()).await), "first", false).await;
    let position = folder.path("state").join("stream-paddock-events");
    until(|| seen() == 1 && position.exists()).await;
    stack.stop().await;
    let stack = Stack::start(options).await.unwrap();
    put(&aws_sdk_dynamodb::Client::new(&sdk(&stack.endpoint_url()).await), "second", false).await;
    until(|| seen() >= 2).await;
    let text = std::fs::read_to_string(&records).unwrap();
    assert!(text.lines().count() == 2 && text.lines().last().unwrap().contains("second"), "{text}");
}

#[tokio::test]
async fn a_schedule_ticks_at_the_start() {
    let folder = Folder::new();
    let mut options = folder.options(running_stack::template());
    options.schedules = true;
    let stack = Stack::start(options).await.unwrap();
    until(|| stack.endpoint().stats.counted().functions.get("paddock-reconcile").is_some_and(|f| f.invocations == 1))
        .await;
}

#[tokio::test]
async fn a_declared_queue_invokes_its_function_and_is_emptied() {
    let events = "      Events:\n        Changes:";
    let with_queue = "      Events:\n        Inbox:\n          Type: SQS\n          Properties: { Queue: !GetAtt EventsDeadLetters.Arn, BatchSize: 5 }\n        Changes:";
    let (_folder, stack, seen) = recording(&[(events, with_queue)], false).await;
    let sqs = aws_sdk_sqs::Client::new(&sdk(&stack.endpoint_url()).await);
    let url = sqs.get_queue_url().queue_name("paddock-events-dead-letters").send().await.unwrap().queue_url.unwrap();
    sqs.send_message().queue_url(&url).message_body("hello").send().await.unwrap();
    until(|| seen().first().is_some_and(|record| record["body"] == "hello")).await;
    assert_eq!(seen()[0]["eventSource"], "aws:sqs");
    let empty = || async {
        let get = sqs.get_queue_attributes().queue_url(&url);
        let got = get.attribute_names(aws_sdk_sqs::types::QueueAttributeName::All).send().await.unwrap();
        let attributes = got.attributes.unwrap();
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            .iter()
            .all(|name| attributes[&(*name).into()] == "0")
    };
    while !empty().await {
        tokio::task::yield_now().await;
    }
}
