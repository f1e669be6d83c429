//! What is wrong in itself: a clear refusal that names the field, and nothing changed.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::fixture::{Fixture, run};

#[test]
fn malformed_create_bodies_are_refused() {
    let deep = "[".repeat(10_000);
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"".to_vec(), 400, "required"),
        (b"{".to_vec(), 400, "JSON"),
        (br#"{"name": "x"#.to_vec(), 400, "JSON"),
        (b"nonsense".to_vec(), 400, "JSON"),
        (b"[]".to_vec(), 400, "JSON"),
        (b"\"text\"".to_vec(), 400, "JSON"),
        (b"{} {}".to_vec(), 400, "JSON"),
        (b"{\"name\": \"\xff\"}".to_vec(), 400, "JSON"),
        (deep.clone().into_bytes(), 400, "JSON"),
        (format!(r#"{{"name": {deep}"#).into_bytes(), 400, "name"),
        (br#"{"cpu": 2.0}"#.to_vec(), 400, "cpu"),
        (br#"{"cpu": "2"}"#.to_vec(), 400, "cpu"),
        (br#"{"cpu": -1}"#.to_vec(), 400, "cpu"),
        (br#"{"memory": 99999999999999999999}"#.to_vec(), 400, "memory"),
        (br#"{"autoStopInterval": "x"}"#.to_vec(), 400, "autoStopInterval"),
        (br#"{"autoStopInterval": -1}"#.to_vec(), 400, "autoStopInterval"),
        (br#"{"autoStopInterval": 99999999}"#.to_vec(), 400, "autoStopInterval"),
        (br#"{"autoArchiveInterval": -5}"#.to_vec(), 400, "autoArchiveInterval"),
        (br#"{"public": "yes"}"#.to_vec(), 400, "public"),
        (br#"{"env": []}"#.to_vec(), 400, "env"),
        (br#"{"env": {"A": 1}}"#.to_vec(), 400, "env.A"),
        (br#"{"env": {"A=B": "x"}}"#.to_vec(), 400, "env"),
        (br#"{"env": {"A": "\u0000"}}"#.to_vec(), 400, "env"),
        (br#"{"labels": {"a": null}}"#.to_vec(), 400, "labels.a"),
        (br#"{"labels": "a"}"#.to_vec(), 400, "labels"),
        (br#"{"name": 7}"#.to_vec(), 400, "name"),
        (br#"{"name": ".."}"#.to_vec(), 400, "name"),
        (br#"{"name": "a\u0000b"}"#.to_vec(), 400, "name"),
        (br#"{"name": "paginated"}"#.to_vec(), 400, "name"),
        (br#"{"name": "<script>alert(1)</script>"}"#.to_vec(), 400, "name"),
        (br#"{"name": "see http://example.com"}"#.to_vec(), 400, "name"),
        (br#"{"name": "6f1e8f0a-3c1d-4a52-9c63-0d6a1f0e9b11"}"#.to_vec(), 400, "name"),
        (format!(r#"{{"name": "{}"}}"#, "n".repeat(300)).into_bytes(), 400, "name"),
        (format!(r#"{{"name": "{}"}}"#, "n".repeat(10 << 20)).into_bytes(), 413, "body"),
        (format!(r#"{{"labels": {{"a": "{}"}}}}"#, "n".repeat(500_000)).into_bytes(), 400, "labels"),
        (br#"{"snapshot": "no-such-snapshot"}"#.to_vec(), 400, "no-such-snapshot"),
        (br#"{"snapshot": "a\nb"}"#.to_vec(), 400, "snapshot"),
        (br#"{"snapshot": "paddock-default", "cpu": 4}"#.to_vec(), 400, "cpu"),
        (br#"{"target": "nowhere"}"#.to_vec(), 404, "nowhere"),
        (br#"{"volumes": [{"volumeId": "v", "mountPath": "/v"}]}"#.to_vec(), 400, "volumes"),
        (br#"{"volumes": [{"volumeId": 1}]}"#.to_vec(), 400, "volumes"),
        (br#"{"buildInfo": {"dockerfileContent": "FROM x"}}"#.to_vec(), 400, "buildInfo"),
        (br#"{"networkBlockAll": true}"#.to_vec(), 400, "networkBlockAll"),
        (br#"{"user": "root"}"#.to_vec(), 400, "user"),
    ];
    run(async move {
        let fixture = Fixture::new().await;
        let before = fixture.stored().await;
        for (body, status, names) in cases {
            let shown = String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned();
            let request = Request::post("/api/sandbox").header("authorization", format!("Bearer {}", fixture.key));
            let answer = fixture.send(request.body(Body::from(body)).unwrap()).await;
            let message = answer.refused(status);
            assert!(message.contains(names) && message.len() < 500, "{shown}: {message}");
        }
        assert_eq!(fixture.stored().await, before);
    });
}

#[test]
fn malformed_paths_are_refused() {
    run(async {
        let fixture = Fixture::new().await;
        let sandbox = fixture.create(json!({"name": "mine"})).await["id"].as_str().unwrap().to_owned();
        let before = fixture.stored().await;
        let long = "n".repeat(60_000);
        let cases: Vec<(&str, String, u16)> = vec![
            ("GET", "/sandbox/%00".to_owned(), 400),
            ("GET", "/sandbox/mine%00".to_owned(), 400),
            ("GET", "/sandbox/..".to_owned(), 400),
            ("GET", "/sandbox/%2e%2e".to_owned(), 400),
            ("GET", "/sandbox/..%2f..%2fetc%2fpasswd".to_owned(), 400),
            ("GET", "/sandbox/../../../etc/passwd".to_owned(), 404),
            ("GET", "/sandbox/%ff".to_owned(), 400),
            ("GET", "/sandbox/%20".to_owned(), 400),
            ("GET", "/sandbox/".to_owned(), 404),
            ("GET", "/sandbox//".to_owned(), 404),
            ("GET", format!("/sandbox/{long}"), 400),
            ("DELETE", format!("/sandbox/{long}"), 400),
            ("DELETE", "/sandbox/..".to_owned(), 400),
            ("GET", format!("/sandbox/{}", sandbox.to_uppercase()), 404),
            ("GET", format!("/sandbox/{}", sandbox.replace('-', "")), 404),
            ("POST", format!("/sandbox/{sandbox}/autostop/x"), 400),
            ("POST", format!("/sandbox/{sandbox}/autostop/-1"), 400),
            ("POST", format!("/sandbox/{sandbox}/autostop/1.5"), 400),
            ("POST", format!("/sandbox/{sandbox}/autostop/99999999999999"), 400),
            ("POST", format!("/sandbox/{sandbox}/autostop/NaN"), 400),
            ("POST", format!("/sandbox/{sandbox}/stop?force=maybe"), 400),
            ("GET", "/snapshots/%00".to_owned(), 400),
            ("GET", format!("/snapshots/{long}"), 400),
            ("GET", "/api-keys/%00".to_owned(), 400),
            ("DELETE", format!("/api-keys/{long}"), 400),
            ("GET", "/regions/..".to_owned(), 400),
        ];
        for (method, path, status) in cases {
            let answer = fixture.call(method, &path, None).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {:.60}: {}", path, answer.body);
            answer.refused(status);
            assert!(answer.body.to_string().len() < 3000, "a long path is not echoed in full");
        }
        assert_eq!(fixture.stored().await, before);
    });
}

#[test]
fn malformed_queries_are_refused() {
    run(async {
        let fixture = Fixture::new().await;
        for (query, names) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=x", "limit"),
            ("limit=1.0", "limit"),
            ("cursor=x", "cursor"),
            ("cursor=%00", "cursor"),
            ("labels=x", "labels"),
            ("labels=%7B%22a%22:1%7D", "labels"),
            ("states=started&states=nonsense", "states"),
            ("states=destroyed", "states"),
            ("sandboxClasses=boat", "sandboxClasses"),
            ("minCpu=0", "minCpu"),
            ("maxMemoryGiB=-1", "maxMemoryGiB"),
            ("isPublic=perhaps", "isPublic"),
            ("includeErroredDeleted=2", "includeErroredDeleted"),
            ("createdAtAfter=yesterday", "createdAtAfter"),
            ("createdAtAfter=%2B", "createdAtAfter"),
            ("createdAtBefore=-1", "createdAtBefore"),
            ("lastEventBefore=2026-99-01", "lastEventBefore"),
            ("sort=colour", "sort"),
            ("order=up", "order"),
            ("name=%ff", "UTF-8"),
        ] {
            let answer = fixture.call("GET", &format!("/sandbox?{query}"), None).await;
            let message = answer.refused(400);
            assert!(message.contains(names), "{query}: {message}");
        }
        for query in ["page=0", "page=x", "limit=0", "limit=201", "sort=colour"] {
            fixture.call("GET", &format!("/sandbox/paginated?{query}"), None).await.refused(400);
            fixture.call("GET", &format!("/snapshots?{query}"), None).await.refused(400);
        }
        let both = fixture.call("GET", "/sandbox?limit=x&minCpu=y", None).await;
        assert_eq!(both.refused(400).split(", ").count(), 2, "all problems are told at once");
    });
}

#[test]
fn malformed_bodies_of_the_other_operations_are_refused() {
    run(async {
        let fixture = Fixture::new().await;
        fixture.create(json!({"name": "mine"})).await;
        let before = fixture.stored().await;
        let past = json!({"name": "k", "permissions": [], "expiresAt": "2020-01-01T00:00:00Z"});
        let cases: Vec<(&str, &str, Option<Value>, u16, &str)> = vec![
            ("PUT", "/sandbox/mine/labels", None, 400, "required"),
            ("PUT", "/sandbox/mine/labels", Some(json!({})), 400, "labels"),
            ("PUT", "/sandbox/mine/labels", Some(json!({"labels": null})), 400, "labels"),
            ("PUT", "/sandbox/mine/labels", Some(json!({"labels": {"a": 1}})), 400, "labels.a"),
            ("PUT", "/sandbox/mine/labels", Some(json!({"labels": {"": "x"}})), 400, "labels"),
            ("PUT", "/sandbox/mine/labels", Some(json!({"labels": {"a": "x".repeat(2 << 20)}})), 413, "body"),
            ("POST", "/sandbox/mine/last-activity", Some(json!({"activityType": 7})), 400, "activityType"),
            ("POST", "/api-keys", Some(json!(["k", []])), 400, "object"),
            ("POST", "/api-keys", Some(json!({})), 400, "name"),
            ("POST", "/api-keys", Some(json!({"name": "k"})), 400, "permissions"),
            ("POST", "/api-keys", Some(json!({"name": "", "permissions": []})), 400, "name"),
            ("POST", "/api-keys", Some(json!({"name": "a/b", "permissions": []})), 400, "name"),
            ("POST", "/api-keys", Some(json!({"name": "current", "permissions": []})), 400, "name"),
            ("POST", "/api-keys", Some(json!({"name": "k", "permissions": ["fly"]})), 400, "fly"),
            ("POST", "/api-keys", Some(json!({"name": "k", "permissions": [], "expiresAt": "soon"})), 400, "expiresAt"),
            ("POST", "/api-keys", Some(past), 400, "expiresAt"),
            ("POST", "/api-keys", Some(json!({"name": "first", "permissions": []})), 409, "first"),
        ];
        for (method, path, body, status, names) in cases {
            let answer = fixture.call(method, path, body.clone()).await;
            let message = answer.refused(status);
            assert!(message.contains(names), "{method} {path}: {message}");
        }
        assert_eq!(fixture.stored().await, before);
    });
}
