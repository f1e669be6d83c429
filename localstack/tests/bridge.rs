//! HTTP API and function URLs over real processes.

#[expect(dead_code, reason = "each test file uses its own part")]
mod running_stack;

use axum::body::Body;
use http::{Request, StatusCode};
use running_stack::{get, order, process_state, send, start, start_changed, until};
use serde_json::json;

#[tokio::test]
async fn a_request_reaches_the_function_as_api_gateway_would_bring_it() {
    let (_folder, stack) = start().await;
    let request = Request::put(format!("{}/api/sandbox/a%20b?x=1&x=2", stack.api_url()))
        .header("x-thing", "one")
        .header("x-thing", "two")
        .header("cookie", "c=3")
        .body(Body::from(vec![0xff_u8]))
        .unwrap();
    let answer = send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    let event = &answer.json()["event"];
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "ANY /api/{proxy+}");
    assert_eq!(event["rawPath"], "/api/sandbox/a b");
    assert_eq!(event["pathParameters"]["proxy"], "sandbox/a b");
    assert_eq!(event["queryStringParameters"]["x"], "1,2");
    assert_eq!(event["headers"]["x-thing"], "one,two");
    assert_eq!(event["cookies"], json!(["c=3"]));
    assert_eq!(event["requestContext"]["http"]["method"], "PUT");
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
}

#[tokio::test]
async fn routes_go_to_their_functions_and_others_to_nobody() {
    let (_folder, stack) = start().await;
    let key = |answer: running_stack::Answer| answer.json()["event"]["routeKey"].clone();
    assert_eq!(key(get(format!("{}/api", stack.api_url())).await), "ANY /api");
    assert_eq!(key(get(format!("{}/agents/v1/report", stack.api_url())).await), "ANY /agents/{proxy+}");
    for path in ["/", "/apis", "/agents", "/api/toolbox/x", "/api/socket.io/"] {
        let answer = get(format!("{}{path}", stack.api_url())).await;
        assert_eq!(
            (answer.status, answer.json()),
            (StatusCode::NOT_FOUND, json!({ "message": "Not Found" })),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_function_url_brings_the_path_undecoded() {
    let (_folder, stack) = start().await;
    let request = Request::get(format!("{}/api/a%20b", stack.endpoint_url()))
        .header("host", "paddock-api.lambda-url.us-east-1.localhost:4566")
        .body(Body::empty())
        .unwrap();
    let answer = send(request).await.unwrap();
    assert_eq!(answer.json()["event"]["rawPath"], "/api/a%20b");
}

#[tokio::test]
async fn a_crash_in_a_request_is_a_500_and_the_next_request_gets_a_new_process() {
    let (_folder, stack) = start().await;
    let before = order(&stack, json!({})).await.json()["pid"].clone();
    let crashed = order(&stack, json!({ "do": "crash" })).await;
    assert_eq!(crashed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(crashed.json(), json!({ "message": "Internal Server Error" }));
    let after = order(&stack, json!({})).await;
    assert_eq!(after.status, StatusCode::OK);
    assert_ne!(after.json()["pid"], before);
}

#[tokio::test]
async fn a_process_killed_in_a_request_is_a_500_and_one_killed_while_idle_is_not_noticed() {
    let (_folder, stack) = start().await;
    let pid = order(&stack, json!({})).await.json()["pid"].as_u64().unwrap();
    let kill =
        |pid: u64| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
    until(|| process_state(pid) == Some('T')).await;
    let slow = order(&stack, json!({ "do": "sleep", "ms": 600_000 }));
    let killer = async {
        until(|| process_state(pid).is_some_and(|state| state != 'T')).await;
        kill(pid).unwrap();
    };
    let (slow, ()) = tokio::join!(slow, killer);
    assert_eq!(
        (slow.status, slow.json()),
        (StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": "Internal Server Error" }))
    );

    let pid = order(&stack, json!({})).await.json()["pid"].as_u64().unwrap();
    until(|| process_state(pid) == Some('T')).await;
    kill(pid).unwrap();
    until(|| process_state(pid).is_none()).await;
    assert_eq!(order(&stack, json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_process_is_frozen_between_requests_and_serves_the_next_one() {
    let (_folder, stack) = start().await;
    let pid = order(&stack, json!({ "do": "background" })).await.json()["pid"].as_u64().unwrap();
    until(|| process_state(pid) == Some('T')).await;
    let again = order(&stack, json!({})).await.json()["pid"].as_u64().unwrap();
    assert_eq!(again, pid);
    until(|| process_state(pid) == Some('T')).await;
}

#[tokio::test]
async fn sequential_requests_share_a_process_and_parallel_ones_do_not() {
    let (_folder, stack) = start().await;
    let pid = order(&stack, json!({})).await.json()["pid"].as_u64().unwrap();
    for _ in 0..50 {
        assert_eq!(order(&stack, json!({})).await.json()["pid"], pid);
    }
    until(|| process_state(pid) == Some('T')).await;
    let slow = order(&stack, json!({ "do": "sleep", "ms": 600_000 }));
    let beside = async {
        // Only once the slow one is at work; what comes after its end may rightly share its process.
        until(|| process_state(pid).is_some_and(|state| state != 'T')).await;
        order(&stack, json!({})).await
    };
    let beside = tokio::select! {
        slow = slow => panic!("it was not to end: {slow:?}"),
        beside = beside => beside,
    };
    assert_ne!(beside.json()["pid"], pid);
}

#[tokio::test]
async fn a_function_at_its_concurrency_queues_instead_of_starting_more() {
    let reserved = ("FunctionName: paddock-api", "FunctionName: paddock-api\n      ReservedConcurrentExecutions: 1");
    let (_folder, stack) = start_changed(&[reserved]).await;
    let quick = || order(&stack, json!({ "do": "sleep", "ms": 20 }));
    let (one, two, three) = tokio::join!(quick(), quick(), quick());
    assert_eq!(one.json()["pid"], two.json()["pid"]);
    assert_eq!(two.json()["pid"], three.json()["pid"]);
}

#[tokio::test]
async fn a_request_over_6_mb_is_413_and_an_answer_over_6_mb_is_500() {
    let (_folder, stack) = start().await;
    let large = Request::post(format!("{}/api/x", stack.api_url())).header("content-type", "text/plain");
    let large = send(large.body(Body::from(vec![b'x'; 7 * 1024 * 1024])).unwrap()).await.unwrap();
    assert_eq!(
        (large.status, large.json()),
        (StatusCode::PAYLOAD_TOO_LARGE, json!({ "message": "Request Entity Too Large" }))
    );
    let answer = order(&stack, json!({ "do": "large", "bytes": 7 * 1024 * 1024 })).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let below = order(&stack, json!({ "do": "large", "bytes": 5 * 1024 * 1024 })).await;
    assert_eq!((below.status, below.body.len()), (StatusCode::OK, 5 * 1024 * 1024));
}

#[tokio::test]
async fn a_function_over_its_timeout_is_killed_and_answered_with_503() {
    // Long enough for the orders that shall succeed, on a busy machine too.
    let (_folder, stack) = start_changed(&[("Timeout: 29", "Timeout: 10")]).await;
    let pid = order(&stack, json!({})).await.json()["pid"].as_u64().unwrap();
    let late = order(&stack, json!({ "do": "sleep", "ms": 600_000 })).await;
    assert_eq!(
        (late.status, late.json()),
        (StatusCode::SERVICE_UNAVAILABLE, json!({ "message": "Service Unavailable" }))
    );
    until(|| process_state(pid).is_none()).await;
    assert_eq!(order(&stack, json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn headers_over_10_kb_are_refused() {
    let (_folder, stack) = start().await;
    let request = Request::get(format!("{}/api/x", stack.api_url())).header("x-long", "x".repeat(11_000));
    let answer = send(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn the_edges_paths_are_passed_on_with_upgrades() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let edge = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge_url = format!("http://{}", edge.local_addr().unwrap());
    let folder = running_stack::Folder::new();
    let mut options = folder.options(running_stack::template());
    options.edge = Some(edge_url.parse().unwrap());
    let stack = paddock_localstack::stack::Stack::start(options).await.unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = edge.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n")
            .await
            .unwrap();
        let byte = stream.read_u8().await.unwrap();
        stream.write_u8(byte + 1).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let address = stack.api_url().replace("http://", "");
    let mut caller = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        "GET /api/socket.io/?EIO=4 HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n";
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(caller.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    caller.write_u8(41).await.unwrap();
    assert_eq!(caller.read_u8().await.unwrap(), 42);
    assert!(served.await.unwrap().starts_with("GET /api/socket.io/?EIO=4 HTTP/1.1"));
}
