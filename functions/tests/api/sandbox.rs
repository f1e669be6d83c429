//! The life of a sandbox as clients see it.

use serde_json::{Value, json};

use super::fixture::{Fixture, run};

#[test]
fn a_new_sandbox_shows_what_was_asked_for_and_the_defaults() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        let body = json!({"name": "box", "env": {"A": "1"}, "labels": {"code-toolbox-language": "python"},
                          "public": true, "autoStopInterval": 7, "autoDeleteInterval": 30, "volumes": []});
        let sandbox = fixture.create(body).await;
        let expected = json!({
            "name": "box", "env": {"A": "1"}, "labels": {"code-toolbox-language": "python"}, "public": true,
            "autoStopInterval": 7, "autoArchiveInterval": 10080, "autoDeleteInterval": 30,
            "organizationId": fixture.organization.to_string(), "snapshot": "paddock-default", "user": "daytona",
            "target": fixture.app.config.region, "cpu": 1, "gpu": 0, "memory": 1, "disk": 3, "kvm": false,
            "networkBlockAll": false, "state": "started", "desiredState": "started", "backupState": "None",
            "recoverable": false, "volumes": [], "sandboxClass": "container",
            "toolboxProxyUrl": "http://localhost:4000/toolbox",
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&sandbox[key], value, "{key}");
        }
        assert!(sandbox.get("errorReason").is_none() && sandbox["runnerId"].is_string());
        for path in ["/sandbox/box".to_owned(), format!("/sandbox/{}?verbose=true", sandbox["id"].as_str().unwrap())] {
            let read = fixture.call("GET", &path, None).await;
            assert_eq!((read.status.as_u16(), &read.body["id"]), (200, &sandbox["id"]));
        }
    });
}

#[test]
fn without_a_name_the_id_is_the_name() {
    run(async {
        let fixture = Fixture::new().await;
        let sandbox = fixture.create(json!({})).await;
        assert_eq!(sandbox["name"], sandbox["id"]);
        assert_eq!((&sandbox["env"], &sandbox["labels"]), (&json!({}), &json!({})));
        assert_eq!((&sandbox["autoStopInterval"], &sandbox["autoDeleteInterval"]), (&json!(15), &json!(-1)));
    });
}

#[test]
fn stop_start_delete() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        fixture.create(json!({"name": "box"})).await;
        let again = fixture.call("POST", "/sandbox", Some(json!({"name": "box"}))).await;
        assert!(again.refused(409).contains("box"));
        assert_eq!(fixture.call("POST", "/sandbox/box/start", None).await.body["state"], "started", "already");
        let stopped = fixture.call("POST", "/sandbox/box/stop?force=false", None).await;
        assert_eq!((stopped.status.as_u16(), &stopped.body["state"]), (200, &json!("stopping")));
        until(&fixture, "box", "stopped").await;
        fixture.call("POST", "/sandbox/box/stop", None).await.refused(400);
        assert_eq!(fixture.call("POST", "/sandbox/box/start", None).await.body["state"], "started");
        let deleted = fixture.call("DELETE", "/sandbox/box", None).await;
        assert_eq!((deleted.status.as_u16(), &deleted.body["name"]), (200, &json!("box")));
        let state = deleted.body["state"].as_str().unwrap();
        assert!(["destroying", "destroyed"].contains(&state), "{state}");
        fixture.create(json!({"name": "box"})).await;
        let id = deleted.body["id"].as_str().unwrap();
        gone(&fixture, id).await;
        fixture.call("DELETE", &format!("/sandbox/{id}"), None).await.refused(404);
    });
}

#[test]
fn a_change_under_way_is_409() {
    run(async {
        let fixture = Fixture::new().await;
        // There is no runner: it stays in `creating`.
        let sandbox = fixture.create(json!({"name": "box"})).await;
        assert_eq!(sandbox["state"], "creating");
        for verb in ["start", "stop"] {
            fixture.call("POST", &format!("/sandbox/box/{verb}"), None).await.refused(409);
        }
        assert_eq!(fixture.call("DELETE", "/sandbox/box", None).await.status.as_u16(), 200, "from every state");
    });
}

#[test]
fn an_ephemeral_sandbox_is_deleted_by_a_stop() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        let sandbox = fixture.create(json!({"autoDeleteInterval": 0})).await;
        let id = sandbox["id"].as_str().unwrap();
        let stopped = fixture.call("POST", &format!("/sandbox/{id}/stop?force=True"), None).await;
        assert_eq!(stopped.body["state"], "destroying");
        gone(&fixture, id).await;
    });
}

#[test]
fn labels_and_intervals_are_set() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        fixture.create(json!({"name": "box", "labels": {"old": "x"}})).await;
        let labels = json!({"labels": {"new": "ü"}});
        let answer = fixture.call("PUT", "/sandbox/box/labels", Some(labels.clone())).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &labels));
        let answer = fixture.call("POST", "/sandbox/box/autostop/0", None).await;
        assert_eq!((answer.status.as_u16(), &answer.body["autoStopInterval"]), (200, &json!(0)));
        let read = fixture.call("GET", "/sandbox/box", None).await.body;
        assert_eq!((&read["labels"], &read["autoStopInterval"]), (&labels["labels"], &json!(0)));
        let activity = fixture.call("POST", "/sandbox/box/last-activity", None).await;
        assert_eq!((activity.status.as_u16(), activity.body), (201, Value::Null));
        let url = fixture.call("GET", "/sandbox/box/toolbox-proxy-url", None).await;
        assert_eq!(url.body, json!({"url": "http://localhost:4000/toolbox"}));
    });
}

#[test]
fn quota_is_a_400_that_names_the_resource() {
    run(async {
        let fixture = Fixture::new().await;
        for _ in 0..10 {
            fixture.create(json!({})).await;
        }
        let answer = fixture.call("POST", "/sandbox", Some(json!({}))).await;
        assert!(answer.refused(400).starts_with("Total CPU limit exceeded. Maximum allowed: 10"), "{}", answer.body);
    });
}

/// A minute and more: only a broken build looks so often.
const LOOKS: u32 = 2_400;

/// Polls as an SDK does.
async fn until(fixture: &Fixture, sandbox: &str, state: &str) {
    for _ in 0..LOOKS {
        if fixture.call("GET", &format!("/sandbox/{sandbox}"), None).await.body["state"] == state {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{sandbox} never became {state}");
}

async fn gone(fixture: &Fixture, id: &str) {
    for _ in 0..LOOKS {
        let answer = fixture.call("GET", &format!("/sandbox/{id}"), None).await;
        if answer.status.as_u16() == 404 {
            answer.refused(404);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{id} was never gone");
}
