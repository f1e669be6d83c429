//! Limits of requests and their headers.

use serde_json::json;

use super::fixture::{Answer, Fixture, run};

/// Seconds of a window that began in 1970 and ends in 2096: no test meets its end, where counts begin anew.
const WINDOW: u32 = 4_000_000_000;

fn number(answer: &Answer, header: &str) -> i64 {
    answer.headers.get(header).unwrap_or_else(|| panic!("{header}")).to_str().unwrap().parse().unwrap()
}

#[test]
fn off_by_default() {
    run(async {
        let fixture = Fixture::new().await;
        let answer = fixture.call("GET", "/sandbox", None).await;
        assert!(!answer.headers.keys().any(|name| name.as_str().contains("ratelimit")), "{:?}", answer.headers);
    });
}

#[test]
fn classes_are_counted_apart_and_per_organization() {
    run(async {
        let fixture = Fixture::with(&format!("sandbox-create=2/{WINDOW},authenticated=100/{WINDOW}")).await;
        let neighbour = fixture.neighbour().await;
        for left in [1, 0] {
            let made = fixture.call("POST", "/sandbox", Some(json!({}))).await;
            assert_eq!(number(&made, "x-ratelimit-remaining-sandbox-create"), left);
            assert_eq!(number(&made, "x-ratelimit-limit-sandbox-create"), 2);
        }
        let before = fixture.stored().await;
        let refused = fixture.call("POST", "/sandbox", Some(json!({}))).await;
        assert!(refused.refused(429).contains("sandbox-create"));
        for header in ["retry-after-sandbox-create", "x-ratelimit-reset-sandbox-create"] {
            assert!((1..=i64::from(WINDOW)).contains(&number(&refused, header)), "{header}");
        }
        assert!(!refused.headers.contains_key("retry-after"), "it makes the Python SDK sleep");
        assert_eq!(fixture.stored().await, before);

        let config = fixture.call_as(None, "GET", "/config", None).await.body;
        assert_eq!(config["rateLimit"]["sandboxCreate"], json!({"ttl": WINDOW, "limit": 2}));
        assert_eq!(config["rateLimit"].as_object().unwrap().len(), 2, "only those that are on");
        let read = fixture.call("GET", "/sandbox", None).await;
        assert_eq!((read.status.as_u16(), number(&read, "x-ratelimit-remaining-authenticated")), (200, 99));
        assert_eq!(neighbour.call("POST", "/sandbox", Some(json!({}))).await.status.as_u16(), 200);
    });
}

#[test]
fn an_address_with_too_many_refused_credentials_is_refused_before_authentication() {
    run(async {
        // A class that no other test limits: tests have one address, and the counter is in the table.
        let fixture = Fixture::with(&format!("failed-auth=3/{WINDOW}")).await;
        for _ in 0..2 {
            fixture.call_as(Some("dtn_wrong"), "GET", "/sandbox", None).await.refused(401);
        }
        assert_eq!(fixture.call("GET", "/sandbox", None).await.status.as_u16(), 200, "not yet");
        fixture.call_as(None, "GET", "/sandbox", None).await.refused(429);
        let answer = fixture.call("GET", "/sandbox", None).await;
        answer.refused(429);
        assert_eq!(number(&answer, "x-ratelimit-remaining-failed-auth"), 0);
        assert!(answer.headers.contains_key("retry-after-failed-auth"));
    });
}
