//! What the runners' inbox needs of the embedded SQS beyond the conformance suite.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use running_stack::{get, receive, sdk, send_together, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A runner killed in its long poll must not take a message with it into its grave.
#[tokio::test]
async fn a_receive_whose_client_is_gone_takes_no_message() {
    let (_folder, stack) = start().await;
    let sqs = aws_sdk_sqs::Client::new(&sdk(&stack.endpoint_url()).await);
    let url = sqs.create_queue().queue_name("paddock-runner-x").send().await.unwrap().queue_url.unwrap();
    let body = format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":20,"VisibilityTimeout":600}}"#);
    let poll = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AmazonSQS.ReceiveMessage\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = stack.endpoint_url().replace("http://", "");
    let mut dead = tokio::net::TcpStream::connect(&address).await.unwrap();
    dead.write_all(poll.as_bytes()).await.unwrap();
    // The poll is under way after an exchange that began later.
    get(format!("{}/_paddock/health", stack.endpoint_url())).await;
    dead.shutdown().await.unwrap();
    // To the server that is what a kill is. It ends the connection when it sees it, and the poll with it.
    let mut answer = Vec::new();
    drop(dead.read_to_end(&mut answer).await);
    assert!(answer.is_empty(), "the poll went on: {}", String::from_utf8_lossy(&answer));
    sqs.send_message().queue_url(&url).message_body("work").send().await.unwrap();
    let got = sqs.receive_message().queue_url(&url).wait_time_seconds(20).send().await.unwrap();
    assert_eq!(got.messages().first().and_then(|message| message.body()), Some("work"));
}

/// Every second message is late, so the one behind it overtakes it.
#[tokio::test]
async fn reordered_messages_overtake_each_other() {
    let (_folder, stack) = start().await;
    stack.endpoint().faults.set("sqs-reorder".parse().unwrap());
    let sqs = aws_sdk_sqs::Client::new(&sdk(&stack.endpoint_url()).await);
    let url = sqs.create_queue().queue_name("paddock-runner-x").send().await.unwrap().queue_url.unwrap();
    send_together(&sqs, &url, &["one", "two", "three"]).await;
    assert_eq!(receive(&sqs, &url, 3).await, ["one", "three", "two"]);
}
