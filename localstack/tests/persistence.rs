//! The program killed without warning: what it was told survives, what it started does not.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;
use running_stack::{Folder, process_state, sdk, secrets, send, template, until};

struct Program {
    child: Child,
    endpoint: String,
    api: String,
}

/// Starts the program and reads where it listens from its ready line.
fn serve(folder: &Folder) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paddock-localstack"));
    command.arg("serve").arg("--no-schedules");
    command.args(["--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"]);
    command.arg("--template").arg(template()).arg("--lambda-dir").arg(folder.temp.path());
    command.arg("--state-dir").arg(folder.path("state"));
    for (name, value) in secrets() {
        command.arg("--param").arg(format!("{name}={value}"));
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let part = |name: &str| line.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    Program { endpoint: part("aws="), api: part("api="), child }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn items_queues_and_objects_survive_a_kill() {
    let folder = Folder::new();
    let first = serve(&folder);
    let config = sdk(&first.endpoint).await;
    let put = aws_sdk_dynamodb::Client::new(&config).put_item().table_name("paddock");
    put.item("pk", AttributeValue::S("kept".into())).item("sk", AttributeValue::S("H".into())).send().await.unwrap();
    let create = aws_sdk_sqs::Client::new(&config).create_queue().queue_name("paddock-runner-1");
    create.attributes(QueueAttributeName::MessageRetentionPeriod, "600").send().await.unwrap();
    let object = aws_sdk_s3::Client::new(&config).put_object().bucket("paddock-local").key("a/b");
    object.body(ByteStream::from_static(b"kept")).send().await.unwrap();
    drop(first);

    let second = serve(&folder);
    let config = sdk(&second.endpoint).await;
    let get = aws_sdk_dynamodb::Client::new(&config).get_item().table_name("paddock");
    let get = get.key("pk", AttributeValue::S("kept".into())).key("sk", AttributeValue::S("H".into()));
    assert!(get.send().await.unwrap().item.is_some());
    let sqs = aws_sdk_sqs::Client::new(&config);
    let url = sqs.get_queue_url().queue_name("paddock-runner-1").send().await.unwrap().queue_url.unwrap();
    // The URL names the port of today, not of yesterday.
    assert!(url.starts_with(&second.endpoint), "{url}");
    let attributes = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All).send().await;
    let attributes = attributes.unwrap().attributes.unwrap();
    assert_eq!(attributes[&QueueAttributeName::MessageRetentionPeriod], "600");
    let object = aws_sdk_s3::Client::new(&config).get_object().bucket("paddock-local").key("a/b").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes().as_ref(), b"kept");
}

#[tokio::test]
async fn functions_die_with_the_program_frozen_or_busy() {
    let folder = Folder::new();
    let program = serve(&folder);
    let api = program.api.clone();
    let order = move |order: &'static str| {
        let request = http::Request::post(format!("{api}/api/x")).header("content-type", "application/json");
        send(request.body(axum::body::Body::from(order)).unwrap())
    };
    let frozen = order("{}").await.unwrap().json()["pid"].as_u64().unwrap();
    until(|| process_state(frozen) == Some('T')).await;
    // The busy one takes the frozen process, so a second quick order starts another.
    let slow = tokio::spawn(order(r#"{"do":"sleep","ms":600000}"#));
    until(|| process_state(frozen).is_some_and(|state| state != 'T')).await;
    let other = order("{}").await.unwrap().json()["pid"].as_u64().unwrap();
    assert_ne!(other, frozen);
    drop(program);
    until(|| {
        process_state(frozen).is_none_or(|state| state == 'Z') && process_state(other).is_none_or(|state| state == 'Z')
    })
    .await;
    assert!(slow.await.unwrap().is_err(), "a killed program answered");
}
