//! Injected faults, seen through the SDK.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use axum::body::Body;
use http::{Request, StatusCode};
use paddock_localstack::stack::Stack;
use running_stack::{receive, sdk, send, send_together, start};
use serde_json::json;

async fn set(stack: &Stack, plan: serde_json::Value) {
    let request = Request::post(format!("{}/_paddock/faults", stack.endpoint_url()));
    let answer = send(request.body(Body::from(plan.to_string())).unwrap()).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
}

async fn table(stack: &Stack) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&sdk(&stack.endpoint_url()).await)
}

fn put(
    client: &aws_sdk_dynamodb::Client,
    pk: &str,
) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder {
    let put = client.put_item().table_name("paddock").item("pk", AttributeValue::S(pk.into()));
    put.item("sk", AttributeValue::S("H".into()))
}

async fn exists(client: &aws_sdk_dynamodb::Client, pk: &str) -> bool {
    let get = client.get_item().table_name("paddock").consistent_read(true).key("pk", AttributeValue::S(pk.into()));
    get.key("sk", AttributeValue::S("H".into())).send().await.unwrap().item.is_some()
}

#[tokio::test]
async fn every_third_write_is_throttled_and_not_done() {
    let (_folder, stack) = start().await;
    set(&stack, json!({ "throttle": "1/3" })).await;
    let client = table(&stack).await;
    for n in 1..=6 {
        let pk = format!("t{n}");
        match put(&client, &pk).send().await {
            Ok(_) => assert!(n % 3 != 0, "write {n} went through"),
            Err(error) => {
                assert!(n % 3 == 0, "write {n}: {error:?}");
                assert!(error.into_service_error().is_provisioned_throughput_exceeded_exception());
            }
        }
        assert_eq!(exists(&client, &pk).await, n % 3 != 0);
    }
}

#[tokio::test]
async fn a_lost_answer_is_an_error_or_a_closed_connection_and_the_write_is_done() {
    let (_folder, stack) = start().await;
    set(&stack, json!({ "lost-answer": "1/1" })).await;
    let client = table(&stack).await;
    let error = put(&client, "one").send().await.unwrap_err();
    assert_eq!(error.raw_response().map(|response| response.status().as_u16()), Some(500));
    let closed = put(&client, "two").send().await.unwrap_err();
    assert!(closed.raw_response().is_none(), "{closed:?}");
    set(&stack, json!({})).await;
    assert!(exists(&client, "one").await && exists(&client, "two").await);
}

#[tokio::test]
async fn a_conflict_is_typed_for_single_writes_and_a_reason_in_transactions() {
    let (_folder, stack) = start().await;
    set(&stack, json!({ "conflict": 1.0 })).await;
    let client = table(&stack).await;
    let error = put(&client, "one").send().await.unwrap_err().into_service_error();
    assert!(error.is_transaction_conflict_exception(), "{error:?}");
    let item = |pk: &str| {
        let put = Put::builder().table_name("paddock").item("pk", AttributeValue::S(pk.into()));
        let put = put.item("sk", AttributeValue::S("H".into())).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let write = client.transact_write_items().transact_items(item("two")).transact_items(item("three"));
    let TransactWriteItemsError::TransactionCanceledException(cancelled) =
        write.send().await.unwrap_err().into_service_error()
    else {
        panic!("not cancelled");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["TransactionConflict", "None"]);
    assert!(!exists(&client, "one").await && !exists(&client, "two").await && !exists(&client, "three").await);
}

#[tokio::test]
async fn doubled_and_reordered_messages_come_twice_with_the_copies_late() {
    let (_folder, stack) = start().await;
    set(&stack, json!({ "sqs-double": 1, "sqs-reorder": true })).await;
    let sqs = aws_sdk_sqs::Client::new(&sdk(&stack.endpoint_url()).await);
    let url = sqs.create_queue().queue_name("q").send().await.unwrap().queue_url.unwrap();
    send_together(&sqs, &url, &["one", "two"]).await;
    let mut bodies = receive(&sqs, &url, 4).await;
    assert_eq!(&bodies[..2], ["one", "two"]);
    bodies[2..].sort();
    assert_eq!(&bodies[2..], ["one", "two"]);
    sqs.send_message().queue_url(&url).message_body("alone").send().await.unwrap();
    assert_eq!(receive(&sqs, &url, 2).await, ["alone", "alone"]);
}

#[tokio::test]
async fn an_unknown_fault_is_refused_and_calls_are_counted() {
    let (_folder, stack) = start().await;
    let request =
        Request::post(format!("{}/_paddock/faults", stack.endpoint_url())).body(Body::from(r#"{"thottle":1}"#));
    assert_eq!(send(request.unwrap()).await.unwrap().status, StatusCode::BAD_REQUEST);
    let client = table(&stack).await;
    put(&client, "counted").send().await.unwrap();
    assert!(exists(&client, "counted").await);
    let counted = stack.endpoint().stats.counted();
    let (write, read) = (&counted.dynamodb["PutItem"], &counted.dynamodb["GetItem"]);
    assert_eq!((write.calls, write.write_units, read.calls, read.read_units), (1, 1.0, 1, 1.0));
}
