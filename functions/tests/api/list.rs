//! Lists of sandboxes, in the forms of all SDKs.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::fixture::{Fixture, run};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn three() -> Fixture {
    let fixture = Fixture::new().await;
    for (name, language) in [("alpha", "python"), ("beta", "typescript"), ("Alpine", "python")] {
        fixture.create(json!({"name": name, "labels": {"code-toolbox-language": language}})).await;
    }
    fixture
}

#[test]
fn by_cursor_every_sandbox_is_met_once_in_order() {
    run(async {
        let fixture = three().await;
        for (sort, wanted) in [
            ("sort=name&order=asc", ["Alpine", "alpha", "beta"]),
            ("sort=name", ["beta", "alpha", "Alpine"]),
            ("sort=createdAt&order=asc", ["alpha", "beta", "Alpine"]),
            ("", ["Alpine", "beta", "alpha"]),
        ] {
            let (mut met, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let next = cursor.as_ref().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
                let page = fixture.call("GET", &format!("/sandbox?limit=1&{sort}{next}"), None).await.body;
                met.extend(names(&page["items"]).into_iter().map(str::to_owned));
                match page["nextCursor"].as_str() {
                    Some(more) => cursor = Some(more.to_owned()),
                    None => break,
                }
            }
            assert_eq!(met, wanted, "{sort}");
        }
    });
}

#[test]
fn a_cursor_goes_on_after_its_sandbox_is_gone() {
    run(async {
        let fixture = three().await;
        let page = fixture.call("GET", "/sandbox?limit=1&sort=name&order=asc", None).await.body;
        let cursor = page["nextCursor"].as_str().unwrap();
        assert_eq!(fixture.call("DELETE", "/sandbox/Alpine", None).await.status.as_u16(), 200);
        let page = fixture.call("GET", &format!("/sandbox?sort=name&order=asc&cursor={cursor}"), None).await.body;
        assert_eq!(names(&page["items"]), ["alpha", "beta"]);
        let other_order = fixture.call("GET", &format!("/sandbox?sort=createdAt&cursor={cursor}"), None).await;
        assert!(other_order.refused(400).contains("cursor"));
    });
}

#[test]
fn filters() {
    run(async {
        let fixture = three().await;
        let region = &fixture.app.config.region;
        for (filter, wanted) in [
            ("name=ALP", vec!["Alpine", "alpha"]),
            ("name=lpha", vec![]),
            ("labels=%7B%22code-toolbox-language%22%3A%22typescript%22%7D", vec!["beta"]),
            ("states=creating&states=started", vec!["Alpine", "alpha", "beta"]),
            ("states=creating,stopped", vec!["Alpine", "alpha", "beta"]),
            ("states%5B%5D=stopped", vec![]),
            ("snapshots=paddock-default", vec!["Alpine", "alpha", "beta"]),
            ("snapshots=other", vec![]),
            ("minCpu=2", vec![]),
            ("maxCpu=1&minDiskGiB=3&maxMemoryGiB=1", vec!["Alpine", "alpha", "beta"]),
            ("minGpu=1", vec![]),
            ("isPublic=True", vec![]),
            ("isRecoverable=false", vec!["Alpine", "alpha", "beta"]),
            ("sandboxClasses=linux-vm", vec![]),
            ("createdAtAfter=2020-01-01T00%3A00%3A00.000000%2B0000", vec!["Alpine", "alpha", "beta"]),
            ("createdAtBefore=2020-01-01T00:00:00.000Z", vec![]),
            ("lastEventBefore=2020-01-01T00:00:00", vec![]),
            ("unknownKey=1&id=", vec!["Alpine", "alpha", "beta"]),
            (&*format!("regionIds={region}"), vec!["Alpine", "alpha", "beta"]),
            ("regionIds=elsewhere", vec![]),
        ] {
            let list = fixture.call("GET", &format!("/sandbox?sort=name&order=asc&{filter}"), None).await.body;
            assert_eq!(names(&list["items"]), wanted, "{filter}");
            assert_eq!(list["nextCursor"], Value::Null);
        }
    });
}

#[test]
fn items_have_what_the_strict_models_demand_and_no_environment() {
    run(async {
        let fixture = Fixture::new().await;
        fixture.create(json!({"env": {"SECRET": "x"}})).await;
        let list = fixture.call("GET", "/sandbox", None).await.body;
        let item = &list["items"][0];
        assert!(item["networkBlockAll"].is_boolean() && item["labels"].is_object() && item["cpu"].is_u64());
        assert!(item.get("env").is_none(), "{item}");
        let full = fixture.call("GET", "/sandbox/paginated", None).await.body;
        assert_eq!(full["items"][0]["env"], json!({"SECRET": "x"}), "older SDKs are shown it");
    });
}

#[test]
fn pages_for_older_sdks() {
    run(async {
        let fixture = three().await;
        let page = fixture.call("GET", "/sandbox/paginated?page=2&limit=2&sort=name&order=asc", None).await.body;
        assert_eq!(names(&page["items"]), ["beta"]);
        let counts = json!([page["total"], page["page"], page["totalPages"]]);
        assert_eq!(counts, json!([3, 2, 2]));
        assert!(page["items"][0]["env"].is_object(), "full bodies");
        let page = fixture.call("GET", "/sandbox/paginated", None).await.body;
        assert_eq!(names(&page["items"]), ["Alpine", "beta", "alpha"], "newest first");
    });
}

#[test]
fn a_plain_array_for_very_old_sdks() {
    run(async {
        let fixture = three().await;
        for (version, query, is_array) in [
            ("0.30.0", "", true),
            ("0.160.0", "?verbose=true", true),
            ("0.160.0", "?limit=5", false),
            ("0.190.0", "", false),
            ("0.226.1", "", false),
            ("unknown", "", false),
        ] {
            let request = Request::get(format!("/api/sandbox{query}"))
                .header("authorization", format!("Bearer {}", fixture.key))
                .header("x-daytona-sdk-version", version);
            let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.body.is_array(), is_array, "{version} {query}");
            let items = if is_array { &answer.body } else { &answer.body["items"] };
            assert_eq!(items.as_array().unwrap().len(), 3);
        }
    });
}
