//! Bodies as this API answers them, for the official clients' strict models:
//! `PADDOCK_SAMPLE_BODIES=dir cargo test -p paddock-functions --test api sample_bodies`, then
//! `python functions/tests/parse_models.py dir` with any version of `daytona` installed.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::fixture::{Fixture, run};

/// A folder to write the bodies to; without it only their making is tested.
const FOLDER: &str = "PADDOCK_SAMPLE_BODIES";

#[test]
fn sample_bodies_for_the_official_models() {
    run(async {
        let fixture = Fixture::new().await;
        let _runner = fixture.runner().await;
        fixture.create(json!({"name": "box", "env": {"A": "b"}, "labels": {"code-toolbox-language": "python"}})).await;
        let end = json!({"name": "ci", "permissions": ["write:sandboxes"], "expiresAt": "2999-01-01T00:00:00Z"});
        let organization = format!("/organizations/{}", fixture.organization);
        let calls: Vec<(&str, &str, &str, Option<Value>)> = vec![
            ("Sandbox", "GET", "/sandbox/box", None),
            ("ListSandboxesResponse", "GET", "/sandbox", None),
            ("PaginatedSandboxes", "GET", "/sandbox/paginated", None),
            ("SandboxLabels", "PUT", "/sandbox/box/labels", Some(json!({"labels": {"a": "b"}}))),
            ("ToolboxProxyUrl", "GET", "/sandbox/box/toolbox-proxy-url", None),
            ("SnapshotDto", "GET", "/snapshots/paddock-default", None),
            ("PaginatedSnapshots", "GET", "/snapshots", None),
            ("DaytonaConfiguration", "GET", "/config", None),
            ("ApiKeyResponse", "POST", "/api-keys", Some(end)),
            ("ApiKeyList", "GET", "/api-keys/current", None),
            ("Organization", "GET", &organization, None),
        ];
        for (model, method, path, body) in calls {
            let answer = fixture.call(method, path, body).await;
            assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
            write(model, &answer.body);
        }
        let runners = fixture.call("GET", "/runners", None).await.body;
        write("Runner", &runners[0]);
        let regions = fixture.call("GET", "/regions", None).await.body;
        write("Region", &regions[0]);
    });
}

fn write(model: &str, body: &Value) {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).expect("the folder is made");
    std::fs::write(folder.join(format!("{model}.json")), body.to_string()).expect("written");
}
