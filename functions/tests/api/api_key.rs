//! API keys.

use paddock_model::access::Permission;
use paddock_model::time::Timestamp;
use serde_json::json;

use super::fixture::{Fixture, run};

#[test]
fn a_key_is_shown_once_works_and_can_be_deleted() {
    run(async {
        let fixture = Fixture::new().await;
        let body = json!({"name": "ci", "permissions": ["delete:sandboxes", "write:sandboxes", "write:sandboxes"]});
        let made = fixture.call("POST", "/api-keys", Some(body)).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.body);
        let value = made.body["value"].as_str().unwrap();
        assert!(value.starts_with("dtn_") && value.len() == 68, "{value}");
        assert_eq!(made.body["permissions"], json!(["write:sandboxes", "delete:sandboxes"]));
        assert_eq!(made.body["expiresAt"], json!(null));

        let current = fixture.call_as(Some(value), "GET", "/api-keys/current", None).await.body;
        assert_eq!((&current["name"], &current["userId"]), (&json!("ci"), &json!("user")));
        let list = fixture.call("GET", "/api-keys", None).await.body;
        let names: Vec<_> = list.as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
        assert_eq!(names, ["ci", "first"]);
        for shown in [&list, &current] {
            let masked = format!("dtn********************{}", &value[65..]);
            assert!(!shown.to_string().contains(value) && shown.to_string().contains(&masked), "{shown}");
        }
        let deleted = fixture.call("DELETE", "/api-keys/ci", None).await;
        assert_eq!(deleted.status.as_u16(), 204);
        fixture.call_as(Some(value), "GET", "/api-keys/current", None).await.refused(401);
        fixture.call("DELETE", "/api-keys/ci", None).await.refused(404);
        fixture.call("GET", "/api-keys/ci", None).await.refused(404);
    });
}

#[test]
fn a_key_can_be_deleted_by_user_and_name() {
    run(async {
        let fixture = Fixture::new().await;
        fixture.call("POST", "/api-keys", Some(json!({"name": "ci 2", "permissions": []}))).await;
        assert_eq!(fixture.call("GET", "/api-keys/ci%202", None).await.body["name"], "ci 2");
        assert_eq!(fixture.call("DELETE", "/api-keys/user/ci%202", None).await.status.as_u16(), 204);
        fixture.call("GET", "/api-keys/ci%202", None).await.refused(404);
    });
}

#[test]
fn no_key_makes_a_stronger_one() {
    run(async {
        let fixture = Fixture::new().await;
        let end = Timestamp(fixture.app.now().0 + 3_600_000);
        let weak = fixture.make_key(&[Permission::WriteSandboxes], Some(end)).await;
        let before = fixture.stored().await;
        for body in [
            json!({"name": "k", "permissions": ["delete:sandboxes"], "expiresAt": "2020-01-01T00:00:00Z"}),
            json!({"name": "k", "permissions": ["write:sandboxes", "delete:sandboxes"]}),
            json!({"name": "k", "permissions": ["write:sandboxes"]}),
            json!({"name": "k", "permissions": ["write:sandboxes"], "expiresAt": "2999-01-01T00:00:00.000000+0000"}),
        ] {
            let answer = fixture.call_as(Some(&weak), "POST", "/api-keys", Some(body.clone())).await;
            assert!(answer.status.is_client_error(), "{body}: {}", answer.body);
        }
        assert_eq!(fixture.stored().await, before);
        let sooner = paddock_wire::api::timestamp::Timestamp(Timestamp(end.0 - 60_000));
        let body = json!({"name": "k", "permissions": ["write:sandboxes"], "expiresAt": sooner});
        let answer = fixture.call_as(Some(&weak), "POST", "/api-keys", Some(body)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["expiresAt"]), (201, &json!(sooner)));
    });
}
