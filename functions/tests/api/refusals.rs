//! Every operation × every way of not being allowed: the right status, the wire's shape, nothing changed.
//!
//! The operations come from the API description, so that a new one cannot be forgotten here.

use paddock_model::access::Permission;
use paddock_model::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Fixture, run};
use super::openapi::operations;

/// What an operation demands beyond membership. Everything not named here demands nothing.
const DEMANDS: [(&str, &str, Permission); 24] = [
    ("POST", "/sandbox", Permission::WriteSandboxes),
    ("DELETE", "/sandbox/{sandboxIdOrName}", Permission::DeleteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/autostop/{interval}", Permission::WriteSandboxes),
    ("PUT", "/sandbox/{sandboxIdOrName}/labels", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/start", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/stop", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/archive", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/autoarchive/{interval}", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/autodelete/{interval}", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/autopause/{interval}", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/backup", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/fork", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/pause", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/public/{isPublic}", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/recover", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/resize", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/snapshot", Permission::WriteSandboxes),
    ("POST", "/sandbox/{sandboxIdOrName}/ttl/{ttlMinutes}", Permission::WriteSandboxes),
    ("DELETE", "/snapshots/{id}", Permission::DeleteSnapshots),
    ("GET", "/runners", Permission::ReadRunners),
    ("GET", "/runners/{id}", Permission::ReadRunners),
    ("DELETE", "/runners/{id}", Permission::DeleteRunners),
    ("PATCH", "/runners/{id}/draining", Permission::WriteRunners),
    ("PATCH", "/runners/{id}/scheduling", Permission::WriteRunners),
];

/// An operation with everything filled in, so that only the credentials decide.
struct Case {
    method: String,
    template: String,
    path: String,
    body: Option<Value>,
}

impl Case {
    fn demand(&self) -> Option<Permission> {
        let mut demands = DEMANDS.into_iter();
        demands.find(|(method, path, _)| *method == self.method && *path == self.template).map(|(.., it)| it)
    }
}

/// All operations that need a key, on this sandbox and this user's first key.
fn cases(sandbox: &str, fixture: &Fixture) -> Vec<Case> {
    let needs_key = operations().into_iter().filter(|(.., operation)| operation.get("security").is_some());
    let cases = needs_key.map(|(method, template, _)| {
        let id = if template.starts_with("/regions") { &fixture.app.config.region } else { "paddock-default" };
        let path = template
            .replace("{sandboxIdOrName}", sandbox)
            .replace("{interval}", "15")
            .replace("{ttlMinutes}", "15")
            .replace("{isPublic}", "true")
            .replace("{organizationId}", &fixture.organization.to_string())
            .replace("{userId}", &fixture.user.0)
            .replace("{name}", "first")
            .replace("{id}", id);
        let body = match (method.as_str(), template.as_str()) {
            ("POST", "/sandbox") => Some(json!({})),
            ("PUT", "/sandbox/{sandboxIdOrName}/labels") => Some(json!({"labels": {"a": "b"}})),
            ("POST", "/sandbox/{sandboxIdOrName}/resize") => Some(json!({"cpu": 2})),
            ("POST", "/sandbox/{sandboxIdOrName}/snapshot") => Some(json!({"name": "snapshot"})),
            ("PATCH", "/runners/{id}/draining") => Some(json!({"draining": true})),
            ("PATCH", "/runners/{id}/scheduling") => Some(json!({"unschedulable": true})),
            ("POST", "/api-keys") => Some(json!({"name": "new", "permissions": []})),
            _ => None,
        };
        Case { method, template, path, body }
    });
    let cases: Vec<_> = cases.collect();
    assert!(cases.len() > 20 && cases.iter().all(|case| !case.path.contains('{')), "a parameter is not filled in");
    cases
}

#[test]
fn without_usable_credentials_everything_is_401() {
    run(async {
        let fixture = Fixture::new().await;
        let sandbox = fixture.create(json!({"name": "mine"})).await["id"].as_str().unwrap_or_default().to_owned();
        let expired = fixture.make_key(&Permission::ALL, Some(Timestamp(fixture.app.now().0 - 1))).await;
        let wrong = format!("dtn_{}", "0".repeat(64));
        let truncated = fixture.key[..fixture.key.len() - 1].to_owned();
        let huge = "x".repeat(100_000);
        let before = fixture.stored().await;
        for case in cases(&sandbox, &fixture) {
            let credentials = [
                (None, "Bearer"),
                (Some(&*wrong), "nvalid credentials"),
                (Some(&*truncated), "nvalid credentials"),
                (Some(&*huge), "nvalid credentials"),
                (Some(&*expired), "has expired"),
                (Some("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"), "not accepted"),
            ];
            for (key, reason) in credentials {
                let answer = fixture.call_as(key, &case.method, &case.path, case.body.clone()).await;
                let message = answer.refused(401);
                assert!(message.contains(reason), "{} {}: {message}", case.method, case.path);
            }
        }
        assert_eq!(fixture.stored().await, before);
    });
}

#[test]
fn without_the_permission_it_demands_an_operation_is_403() {
    run(async {
        let fixture = Fixture::new().await;
        let sandbox = fixture.create(json!({"name": "mine"})).await["id"].as_str().unwrap_or_default().to_owned();
        let before = fixture.stored().await;
        let mut refused = 0;
        for case in cases(&sandbox, &fixture) {
            let Some(demand) = case.demand() else { continue };
            let all_but_one: Vec<_> = Permission::ALL.into_iter().filter(|it| *it != demand).collect();
            let key = fixture.make_key(&all_but_one, None).await;
            let answer = fixture.call_as(Some(&key), &case.method, &case.path, case.body.clone()).await;
            assert!(answer.refused(403).contains(demand.as_str()), "{} {}", case.method, case.path);
            refused += 1;
        }
        assert_eq!(refused, DEMANDS.len());
        // The keys were added by the test itself.
        let sandboxes = |stored: &str| stored.rsplit_once("\n[\n").map(|(first, _)| first.to_owned());
        assert_eq!(sandboxes(&fixture.stored().await), sandboxes(&before));
    });
}

#[test]
fn a_key_without_permissions_may_read() {
    run(async {
        let fixture = Fixture::new().await;
        let sandbox = fixture.create(json!({"name": "mine"})).await["id"].as_str().unwrap_or_default().to_owned();
        let key = fixture.make_key(&[], None).await;
        for case in cases(&sandbox, &fixture).into_iter().filter(|case| case.demand().is_none()) {
            if case.method == "DELETE" {
                continue;
            }
            let answer = fixture.call_as(Some(&key), &case.method, &case.path, case.body).await;
            if case.template.ends_with("/parent") {
                assert!(answer.refused(404).contains("forked"), "it is no fork");
                continue;
            }
            assert!(answer.status.is_success(), "{} {}: {}", case.method, case.path, answer.body);
        }
    });
}

#[test]
fn what_belongs_to_another_organization_is_not_there() {
    run(async {
        let mine = Fixture::new().await;
        let theirs = mine.neighbour().await;
        mine.create(json!({"name": "mine"})).await;
        let sandbox = theirs.create(json!({"name": "theirs"})).await["id"].as_str().unwrap_or_default().to_owned();
        let nobodys = Uuid::new_v4().to_string();
        let before = (mine.stored().await, theirs.stored().await);
        let mut tried = 0;
        for case in cases(&sandbox, &mine).into_iter().filter(|case| case.path.contains(&sandbox)) {
            let answer = mine.call(&case.method, &case.path, case.body.clone()).await;
            let message = answer.refused(404).replace(&sandbox, "ID");
            // It must not even be told apart from one that never was.
            let path = case.path.replace(&sandbox, &nobodys);
            let answer = mine.call(&case.method, &path, case.body.clone()).await;
            assert_eq!(answer.refused(404).replace(&nobodys, "ID"), message, "{} {}", case.method, case.path);
            let path = case.path.replace(&sandbox, "theirs");
            mine.call(&case.method, &path, case.body).await.refused(404);
            tried += 1;
        }
        assert_eq!(tried, 23);
        for organization in [theirs.organization.to_string(), nobodys] {
            mine.call("GET", &format!("/organizations/{organization}"), None).await.refused(403);
        }
        mine.call("DELETE", &format!("/api-keys/{}/first", theirs.user), None).await.refused(403);
        assert_eq!((mine.stored().await, theirs.stored().await), before);
        let list = mine.call("GET", "/sandbox?includeErroredDeleted=true", None).await.body;
        assert!(!list.to_string().contains("theirs"), "{list}");
    });
}

#[test]
fn unknown_operations_are_404_with_and_without_a_key() {
    run(async {
        let fixture = Fixture::new().await;
        let sandbox = fixture.create(json!({"name": "mine"})).await["id"].as_str().unwrap_or_default().to_owned();
        let before = fixture.stored().await;
        for (method, path) in [
            ("GET", "".to_owned()),
            ("GET", "/nothing".to_owned()),
            ("PATCH", "/sandbox".to_owned()),
            ("PUT", format!("/sandbox/{sandbox}")),
            ("POST", format!("/sandbox/{sandbox}/network-settings")),
            ("GET", format!("/sandbox/{sandbox}/ports/8080/preview-url")),
            ("POST", format!("/sandbox/{sandbox}/ssh-access")),
            ("GET", "/volumes".to_owned()),
            ("GET", "/users/me".to_owned()),
        ] {
            for key in [None, Some(&*fixture.key)] {
                let answer = fixture.call_as(key, method, &path, None).await;
                assert!(answer.refused(404).contains(method), "{method} {path}");
            }
        }
        assert_eq!(fixture.stored().await, before);
    });
}
