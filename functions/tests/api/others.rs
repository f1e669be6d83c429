//! Configuration, health, organizations, regions, snapshots, and what browsers need.

use axum::body::Body;
use http::Request;
use serde_json::json;

use super::fixture::{Fixture, run};

#[test]
fn config_and_health_need_no_key() {
    run(async {
        let fixture = Fixture::new().await;
        let health = fixture.call_as(None, "GET", "/health", None).await;
        assert_eq!((health.status.as_u16(), health.body), (200, json!({"status": "ok"})));
        let config = fixture.call_as(None, "GET", "/config", None).await.body;
        assert_eq!(config["proxyToolboxUrl"], "http://localhost:4000/toolbox");
        assert_eq!(config["defaultSnapshot"], "paddock-default");
        assert!(config["oidc"]["provider"].is_string() && config["maintananceMode"] == false);
        fixture.call_as(None, "GET", "/health/ready", None).await.refused(401);
        assert_eq!(fixture.call("GET", "/health/ready", None).await.body, json!({"status": "ok"}));
    });
}

#[test]
fn an_api_key_sees_its_organization() {
    run(async {
        let fixture = Fixture::new().await;
        let list = fixture.call("GET", "/organizations", None).await.body;
        let own = fixture.call("GET", &format!("/organizations/{}", fixture.organization), None).await.body;
        assert_eq!(list, json!([own]));
        assert_eq!((&own["maxCpuPerSandbox"], &own["suspended"]), (&json!(10), &json!(false)));
        assert_eq!(own["defaultRegionId"], fixture.app.config.region);
    });
}

#[test]
fn regions_are_the_one_of_the_deployment() {
    run(async {
        let fixture = Fixture::new().await;
        let region = &fixture.app.config.region;
        let list = fixture.call("GET", "/regions", None).await.body;
        assert_eq!((list.as_array().unwrap().len(), &list[0]["id"]), (1, &json!(region)));
        assert_eq!(fixture.call("GET", "/shared-regions", None).await.body, list);
        assert_eq!(fixture.call("GET", &format!("/regions/{region}"), None).await.body, list[0]);
        fixture.call("GET", "/regions/elsewhere", None).await.refused(404);
    });
}

#[test]
fn snapshots_are_found_by_id_and_name() {
    run(async {
        let fixture = Fixture::new().await;
        let list = fixture.call("GET", "/snapshots?name=DEFAULT", None).await.body;
        assert_eq!((&list["total"], &list["page"], &list["totalPages"]), (&json!(1), &json!(1), &json!(1)));
        let snapshot = &list["items"][0];
        assert_eq!((&snapshot["state"], &snapshot["general"]), (&json!("active"), &json!(true)));
        for name in [snapshot["id"].as_str().unwrap(), "paddock-default"] {
            assert_eq!(fixture.call("GET", &format!("/snapshots/{name}"), None).await.body["id"], snapshot["id"]);
        }
        fixture.call("GET", "/snapshots/registry%2Fimage:tag", None).await.refused(404);
        assert_eq!(fixture.call("GET", "/snapshots?sourceSandboxId=x", None).await.body["total"], 0);
    });
}

#[test]
fn browsers_may_call_with_the_sdk_headers() {
    run(async {
        let fixture = Fixture::new().await;
        let request = Request::options("/api/sandbox")
            .header("origin", "http://localhost:5173")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,x-daytona-source");
        let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
        let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap().to_lowercase();
        assert!(answer.status.is_success() && allowed.contains("x-daytona-source"), "{allowed}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        let request = Request::get("/api/sandbox").header("origin", "http://localhost:5173");
        let refused = fixture.send(request.body(Body::empty()).unwrap()).await;
        refused.refused(401);
        assert_eq!(refused.headers["access-control-allow-origin"], "*", "so that a page can read why");
    });
}
