//! The `Invoke` API and what a function finds in its environment.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use axum::body::Body;
use http::{Request, StatusCode};
use paddock_localstack::stack::Stack;
use running_stack::{Folder, get, invoke, secrets, send, start, start_changed, until};
use serde_json::json;

#[tokio::test]
async fn an_invocation_answers_with_the_functions_result() {
    let (_folder, stack) = start().await;
    let answer = invoke(&stack, "paddock-reconcile", "RequestResponse", json!({ "command": "bootstrap" })).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.headers.contains_key("x-amz-function-error"));
    assert_eq!(answer.json()["event"], json!({ "command": "bootstrap" }));
}

#[tokio::test]
async fn a_failure_is_a_200_with_the_error_header() {
    let (_folder, stack) = start().await;
    for (order, text) in [("fail", "told to fail"), ("crash", "Runtime exited")] {
        let answer = invoke(&stack, "paddock-api", "RequestResponse", json!({ "do": order })).await;
        assert_eq!(answer.status, StatusCode::OK, "{order}");
        assert_eq!(answer.headers["x-amz-function-error"], "Unhandled", "{order}");
        let message = answer.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(message.contains(text), "{order}: {message}");
    }
}

#[tokio::test]
async fn an_event_invocation_is_accepted_and_runs() {
    let folder = Folder::new();
    let records = folder.path("records");
    let variable = format!("PADDOCK_TABLE: !Ref PaddockTable\n        PROBE_RECORDS: {}", records.display());
    let template = folder.template(&[("PADDOCK_TABLE: !Ref PaddockTable", &variable)]);
    let stack = Stack::start(folder.options(template)).await.unwrap();
    let answer = invoke(&stack, "paddock-events", "Event", json!({ "Records": [{ "n": 1 }] })).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::ACCEPTED, 0));
    until(|| std::fs::read_to_string(&records).is_ok_and(|text| text == "{\"n\":1}\n")).await;
}

#[tokio::test]
async fn what_is_not_there_or_not_json_is_refused() {
    let (_folder, stack) = start().await;
    let unknown = invoke(&stack, "nobody", "RequestResponse", json!({})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.headers["x-amzn-errortype"], "ResourceNotFoundException");
    let url = format!("{}/2015-03-31/functions/paddock-api/invocations", stack.endpoint_url());
    let request = http::Request::post(url).body(axum::body::Body::from("{")).unwrap();
    assert_eq!(running_stack::send(request).await.unwrap().status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_function_sees_what_lambda_and_the_template_give_it_and_nothing_else() {
    let (_folder, stack) = start().await;
    let answer = invoke(&stack, "paddock-agents", "RequestResponse", json!({})).await.json();
    let environment = answer["environment"].as_object().unwrap();
    for (key, value) in [
        ("AWS_REGION", "us-east-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "paddock-agents"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("_HANDLER", "bootstrap"),
        ("PADDOCK_TABLE", "paddock"),
        ("PADDOCK_QUEUE_PREFIX", "paddock-runner-"),
        ("PADDOCK_MASTER_KEY", "key"),
        ("AWS_ENDPOINT_URL", stack.endpoint_url().as_str()),
    ] {
        assert_eq!(environment[key], value, "{key}");
    }
    assert!(!environment.contains_key("HOME") && !environment.contains_key("CARGO_MANIFEST_DIR"));
}

#[tokio::test]
async fn a_function_that_does_not_start_says_how() {
    let variable = "PADDOCK_TABLE: !Ref PaddockTable\n        PROBE_INIT: fail";
    let (_folder, stack) = start_changed(&[("PADDOCK_TABLE: !Ref PaddockTable", variable)]).await;
    let answer = invoke(&stack, "paddock-api", "RequestResponse", json!({})).await;
    assert_eq!(answer.headers["x-amz-function-error"], "Unhandled");
    let message = answer.json()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("exit status: 7"), "{message}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let folder = Folder::new();
    std::fs::remove_file(folder.path("api")).unwrap();
    let stack = Stack::start(folder.options(running_stack::template())).await.unwrap();
    let answer = invoke(&stack, "paddock-api", "RequestResponse", json!({})).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let message = answer.json()["Message"].as_str().unwrap().to_owned();
    assert!(message.contains(&folder.path("api").display().to_string()), "{message}");
}

#[tokio::test]
async fn init_durations_and_calls_are_counted_until_reset() {
    let (_folder, stack) = start().await;
    invoke(&stack, "paddock-api", "RequestResponse", json!({})).await;
    let stats = get(format!("{}/_paddock/stats", stack.endpoint_url())).await.json();
    let api = &stats["functions"]["paddock-api"];
    assert_eq!(api["invocations"], 1);
    assert!(api["init_ms"][0].as_f64().is_some_and(|ms| ms > 0.0), "{api}");
    let reset = http::Request::post(format!("{}/_paddock/stats/reset", stack.endpoint_url()));
    running_stack::send(reset.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let stats = get(format!("{}/_paddock/stats", stack.endpoint_url())).await.json();
    assert_eq!(stats["functions"], json!({}));
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_flag_and_missing_parameters_all_together() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut options = folder.options(running_stack::template());
    options.api_listen.clone_from(&address);
    let error = Stack::start(options).await.err().unwrap().to_string();
    assert!(error.contains(&address) && error.contains("--api-listen"), "{error}");
    let mut options = folder.options(running_stack::template());
    options.parameters.clear();
    let error = Stack::start(options).await.err().unwrap().to_string();
    assert!(secrets().keys().all(|name| error.contains(name)), "{error}");
}

#[tokio::test]
async fn a_page_in_a_browser_is_refused_whatever_it_asks_for() {
    let (_folder, stack) = start().await;
    for path in ["/2015-03-31/functions/paddock-reconcile/invocations", "/_paddock/faults", "/bucket/object"] {
        let request = Request::post(format!("{}{path}", stack.endpoint_url())).header("origin", "http://evil.example");
        let answer = send(request.body(Body::from("{}")).unwrap()).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(stack.endpoint().stats.counted().functions.is_empty());
}
