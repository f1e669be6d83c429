//! `/version`, directories, `/init`, `/env`, `/system/metrics`.

use serde_json::json;

use crate::sandbox::Sandbox;

#[tokio::test]
async fn version_and_directories() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.get("/version").await.json, json!({ "version": env!("CARGO_PKG_VERSION") }));
    let work_dir = sandbox.dir.path().canonicalize().expect("exists").display().to_string();
    assert_eq!(sandbox.get("/work-dir").await.json, json!({ "dir": work_dir }));
    for path in ["/user-home-dir", "/project-dir"] {
        assert_eq!(sandbox.get(path).await.json, json!({ "dir": sandbox.home.path() }));
    }
}

#[tokio::test]
async fn init_takes_a_token_or_nothing() {
    let sandbox = Sandbox::start().await;
    for body in [json!({ "token": "t" }), json!({})] {
        let answer = sandbox.post("/init", body).await;
        assert!(answer.status == 200 && answer.json["message"].is_string());
    }
}

#[tokio::test]
async fn env_reaches_processes_started_later() {
    let sandbox = Sandbox::start().await;
    let answer = sandbox.post("/env", json!({ "set": { "COLOUR": "blue sky", "OTHER": "secret-1" } })).await;
    assert_eq!(answer.json["COLOUR"], "blue sky");
    assert_eq!(sandbox.execute("echo $COLOUR").await.1, "blue sky\n");
    let answer = sandbox.post("/env", json!({ "unset": ["COLOUR"], "unsetValuePrefix": "secret-" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(sandbox.execute("echo ${COLOUR-gone} ${OTHER-gone}").await.1, "gone gone\n");
    for name in ["", "A=B", "A\u{0}"] {
        sandbox.post("/env", json!({ "set": { name: "x" } })).await.assert_error(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn env_takes_every_name_that_a_container_can_have() {
    let sandbox = Sandbox::start().await;
    let answer = sandbox.post("/env", json!({ "set": { "my-var": "x", "spring.url": "y" } })).await;
    assert_eq!((answer.status, &answer.json["my-var"], &answer.json["spring.url"]), (200, &json!("x"), &json!("y")));
    // What the shell was given: it may itself drop what it cannot name.
    let (_, given) = sandbox.execute("tr '\\0' '\\n' < /proc/$$/environ").await;
    assert!(given.contains("\nmy-var=x\n") && given.contains("\nspring.url=y\n"), "{given}");
}

#[tokio::test]
async fn metrics_have_the_clients_types() {
    let sandbox = Sandbox::start().await;
    let metrics = sandbox.get("/system/metrics").await.json;
    for key in ["cpuCount", "memTotal", "diskTotal", "diskUsed", "diskFree", "timestampUnix"] {
        assert!(metrics[key].as_u64().is_some_and(|value| value > 0), "{key}: {metrics}");
    }
    assert!(metrics["cpuUsedPct"].is_number() && metrics["timestamp"].is_string());
}
