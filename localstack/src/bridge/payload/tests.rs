//! The rules of payload format 2.0, one test each.

use super::*;

fn request(builder: http::request::Builder) -> http::request::Parts {
    builder.body(()).unwrap().into_parts().0
}

fn event_of(door: Door, parts: &http::request::Parts, body: &[u8]) -> Value {
    let matched = Match { function: "f".into(), route_key: "ANY /api/{proxy+}".into(), parameters: BTreeMap::new() };
    let source = IpAddr::from([127, 0, 0, 1]);
    serde_json::from_slice(&event(door, parts, &Bytes::copy_from_slice(body), source, &matched, "id")).unwrap()
}

#[test]
fn the_http_api_decodes_the_path_and_the_function_url_does_not() {
    let parts = request(http::Request::get("/api/a%20b%2Fc?x=%20y"));
    let event = event_of(Door::HttpApi, &parts, b"");
    assert_eq!(event["rawPath"], "/api/a b/c");
    assert_eq!(event["requestContext"]["http"]["path"], "/api/a b/c");
    assert_eq!(event["rawQueryString"], "x=%20y");
    assert_eq!(event_of(Door::FunctionUrl, &parts, b"")["rawPath"], "/api/a%20b%2Fc");
}

#[test]
fn repeated_headers_join_and_cookies_stand_apart() {
    let parts = request(
        http::Request::get("/")
            .header("X-Thing", "a")
            .header("x-thing", "b")
            .header("cookie", "one=1; two=2")
            .header("connection", "keep-alive"),
    );
    let event = event_of(Door::HttpApi, &parts, b"");
    assert_eq!(event["headers"]["x-thing"], "a,b");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["headers"]["connection"], Value::Null);
    assert_eq!(event["cookies"], json!(["one=1", "two=2"]));
}

#[test]
fn repeated_query_parameters_join_decoded() {
    let event = event_of(Door::HttpApi, &request(http::Request::get("/?a=1&a=2&b=x%26y+z")), b"");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "x&y z" }));
}

#[test]
fn json_is_text_and_everything_else_is_base64() {
    let json_parts = request(http::Request::post("/").header("content-type", "application/json; charset=utf-8"));
    let event = event_of(Door::HttpApi, &json_parts, br#"{"a":1}"#);
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(r#"{"a":1}"#), &json!(false)));
    let binary = event_of(Door::HttpApi, &json_parts, &[0xff, 0x00]);
    assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    let form = request(http::Request::post("/").header("content-type", "application/x-www-form-urlencoded"));
    assert_eq!(event_of(Door::HttpApi, &form, b"a=1")["isBase64Encoded"], true);
    let none = event_of(Door::HttpApi, &json_parts, b"");
    assert_eq!((&none["body"], &none["isBase64Encoded"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn a_response_sets_status_headers_cookies_and_binary_body() {
    let result = json!({
        "statusCode": 201, "headers": { "x-a": "1", "content-length": "999" }, "cookies": ["a=1", "b=2"],
        "body": "/wA=", "isBase64Encoded": true,
    });
    let response = response(&result.to_string().into()).unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["x-a"], "1");
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    let body = axum::body::to_bytes(response.into_body(), 10).await.unwrap();
    assert_eq!(&body[..], [0xff, 0x00]);
}

#[test]
fn a_result_without_status_is_the_body_of_a_200_and_nonsense_is_nothing() {
    let response = response(&json!({ "hello": "world" }).to_string().into()).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(super::response(&Bytes::from_static(b"not json")).is_none());
    assert!(super::response(&json!({ "statusCode": 99 }).to_string().into()).is_none());
}
