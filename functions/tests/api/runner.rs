//! What the owner of the deployment sees of its runners and makes of them, and that nobody else does.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Fixture, run};

/// The path of the only runner.
async fn path(fixture: &Fixture) -> String {
    let list = fixture.call("GET", "/runners", None).await.body;
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    format!("/runners/{}", list[0]["id"].as_str().unwrap())
}

#[test]
fn runners_are_listed_and_found() {
    run(async {
        let fixture = Fixture::new().await;
        assert_eq!(fixture.call("GET", "/runners", None).await.body, json!([]));
        let _runner = fixture.runner().await;
        let path = path(&fixture).await;
        let shown = fixture.call("GET", &path, None).await.body;
        for (name, value) in [
            ("state", json!("ready")),
            ("region", json!(fixture.app.config.region)),
            ("unschedulable", json!(false)),
            ("draining", json!(false)),
            ("cpu", json!(16)),
            ("memory", json!(16)),
            ("disk", json!(100)),
            ("currentAllocatedMemoryGiB", json!(0)),
            ("tags", json!([])),
            ("runnerClass", json!("container")),
            ("appVersion", json!("0")),
        ] {
            assert_eq!(shown[name], value, "{name}: {shown}");
        }
        let text = shown.to_string();
        for secret in ["token", "queue", "http", "key", "Key"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        let here = format!("/runners?regionId={}", fixture.app.config.region);
        assert_eq!(fixture.call("GET", &here, None).await.body, json!([shown]));
        assert_eq!(fixture.call("GET", "/runners?regionId=elsewhere", None).await.body, json!([]));
        for unknown in [Uuid::new_v4().to_string(), "no-uuid".to_owned()] {
            fixture.call("GET", &format!("/runners/{unknown}"), None).await.refused(404);
        }
    });
}

#[test]
fn a_runner_of_another_region_is_not_there() {
    run(async {
        let (fixture, elsewhere) = (Fixture::new().await, Fixture::new().await);
        let _runner = elsewhere.runner().await;
        let path = path(&elsewhere).await;
        fixture.call("GET", &path, None).await.refused(404);
        fixture.call("DELETE", &format!("{path}?force=true"), None).await.refused(404);
        assert_eq!(elsewhere.call("GET", &path, None).await.status, 200);
    });
}

#[test]
fn scheduling_and_draining_are_switched() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        let path = path(&fixture).await;
        // What is asked for, and then `unschedulable` and `draining` as shown.
        let steps = [
            ("scheduling", json!({"unschedulable": true}), true, false),
            ("draining", json!({"draining": true}), true, true),
            ("scheduling", json!({"unschedulable": false}), true, true),
            ("draining", json!({"draining": false}), false, false),
        ];
        for (what, body, unschedulable, draining) in steps {
            let answer = fixture.call("PATCH", &format!("{path}/{what}"), Some(body.clone())).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let shown = fixture.call("GET", &path, None).await.body;
            assert_eq!(answer.body["unschedulable"], unschedulable, "{body}");
            assert_eq!(shown, answer.body, "{body}");
            assert_eq!((&shown["unschedulable"], &shown["draining"]), (&json!(unschedulable), &json!(draining)));
        }
        for (what, body) in [
            ("scheduling", None),
            ("scheduling", Some(json!({}))),
            ("scheduling", Some(json!({"unschedulable": "yes"}))),
            ("draining", Some(json!({"unschedulable": true}))),
            ("draining", Some(json!({"draining": null}))),
        ] {
            fixture.call("PATCH", &format!("{path}/{what}"), body).await.refused(400);
        }
        let nobodys = format!("/runners/{}/draining", Uuid::new_v4());
        fixture.call("PATCH", &nobodys, Some(json!({"draining": true}))).await.refused(404);
    });
}

#[test]
fn a_sandbox_queues_while_no_runner_takes_any() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        let path = path(&fixture).await;
        fixture.call("PATCH", &format!("{path}/scheduling"), Some(json!({"unschedulable": true}))).await;
        let queued = fixture.create(json!({"queueTimeout": 300})).await;
        assert_eq!((&queued["state"], &queued["queueTimeout"]), (&json!("creating"), &json!(300)));
        assert_eq!(queued["runnerId"], Value::Null);
    });
}

#[test]
fn a_runner_that_holds_something_is_removed_by_force_only() {
    run(async {
        let fixture = Fixture::new().await;
        let runner = fixture.runner().await;
        let path = path(&fixture).await;
        let id = fixture.create(json!({})).await["id"].as_str().unwrap().to_owned();
        let refused = fixture.call("DELETE", &path, None).await;
        assert!(refused.refused(409).contains("1 started"), "{}", refused.body);
        fixture.call("DELETE", &format!("{path}?force=perhaps"), None).await.refused(400);
        assert_eq!(fixture.call("GET", &path, None).await.body["state"], "ready");
        // Its queue goes with it.
        drop(runner);
        let removed = fixture.call("DELETE", &format!("{path}?force=true"), None).await;
        assert_eq!((removed.status.as_u16(), removed.body), (204, Value::Null));
        fixture.call("GET", &path, None).await.refused(404);
        fixture.call("DELETE", &path, None).await.refused(404);
        let lost = fixture.call("GET", &format!("/sandbox/{id}"), None).await.body;
        assert_eq!(lost["state"], "error", "{lost}");
    });
}

#[test]
fn only_the_owner_of_the_deployment_operates_runners() {
    run(async {
        let owner = Fixture::new().await;
        let neighbour = owner.neighbour().await;
        let _runner = owner.runner().await;
        let path = path(&owner).await;
        let before = owner.call("GET", &path, None).await.body;
        for (method, path, body) in [
            ("GET", "/runners".to_owned(), None),
            ("GET", path.clone(), None),
            ("GET", format!("/runners/{}", Uuid::new_v4()), None),
            ("PATCH", format!("{path}/scheduling"), Some(json!({"unschedulable": true}))),
            ("PATCH", format!("{path}/draining"), Some(json!({"draining": true}))),
            ("PATCH", format!("{path}/draining"), None),
            ("DELETE", format!("{path}?force=true"), None),
        ] {
            let answer = neighbour.call(method, &path, body).await;
            assert!(answer.refused(403).contains("owns this deployment"), "{method} {path}: {}", answer.body);
        }
        assert_eq!(owner.call("GET", &path, None).await.body, before);
    });
}
