//! Which processes make a stack, with their arguments and environment.

use std::path::Path;
use std::time::Duration;

use super::leftovers::MARK;
use super::options::StackOptions;
use super::secrets::{Secrets, sha256_hex};
use super::service::Spec;
use crate::binaries::Binaries;
use crate::paths::repo;

/// Any key works with the embedded engines; these are the ones that emulators document.
pub const AWS_ACCESS_KEY: &str = "test";
pub const AWS_SECRET_KEY: &str = "test";
pub const AWS_REGION: &str = "us-east-1";

/// The AWS endpoint with bridge and functions.
pub fn localstack(options: &StackOptions, secrets: &Secrets, binaries: &Binaries) -> Spec {
    let state = options.state();
    let mut args = vec!["serve".to_owned()];
    let mut flag = |name: &str, value: String| args.extend([name.to_owned(), value]);
    flag("--template", repo().join("infra/template.yaml").display().to_string());
    flag("--state-dir", state.join("aws").display().to_string());
    flag("--lambda-dir", repo().join("target/lambda").display().to_string());
    flag("--listen", format!("localhost:{}", options.aws_port));
    flag("--api-listen", format!("localhost:{}", options.api_port));
    flag("--edge-url", format!("http://127.0.0.1:{}", options.edge_port));
    let mut env = shared_env(options);
    // By environment, not by argument: arguments are readable by every user of the machine.
    env.push(("PADDOCK_TEMPLATE_PARAMETERS".to_owned(), parameters(options, secrets)));
    let program = binaries.localstack.clone();
    Spec { name: "localstack".to_owned(), program, args, env, patience: Duration::from_secs(15) }
}

/// Edge and runner number `index`, counted from 0.
pub fn runner(options: &StackOptions, secrets: &Secrets, binaries: &Binaries, pause_image: &str, index: u16) -> Spec {
    let name = format!("runner-{}", index + 1);
    let relay = options.relay_port + index;
    let mut env = shared_env(options);
    let mut set = |name: &str, value: String| env.push((name.to_owned(), value));
    set("PADDOCK_AGENTS_URL", format!("http://localhost:{}/agents", options.api_port));
    set("PADDOCK_JOIN_TOKEN", secrets.join_token.clone());
    set("PADDOCK_ROLE", "both".to_owned());
    set("PADDOCK_REGION", "local".to_owned());
    set("PADDOCK_RUNNER_NAME", name.clone());
    set("PADDOCK_STATE_DIR", options.state().join(&name).display().to_string());
    set("PADDOCK_EDGE_LISTEN", format!("localhost:{}", options.edge_port + index));
    set("PADDOCK_RELAY_LISTEN", format!("127.0.0.1:{relay}"));
    set("PADDOCK_RELAY_URL", format!("http://127.0.0.1:{relay}"));
    set("PADDOCK_DAEMON", absolute(&binaries.daemon));
    set("PADDOCK_PAUSE_IMAGE", pause_image.to_owned());
    let program = binaries.runner.clone();
    Spec { name, program, args: Vec::new(), env, patience: Duration::from_secs(20) }
}

/// An engine of ours. Without the mark: it and its containers outlive a stack.
pub fn dockerd() -> Spec {
    let path = std::env::var("PATH").unwrap_or_default();
    Spec {
        name: "dockerd".to_owned(),
        program: "dockerd".into(),
        // Live-restore: containers outlive the engine.
        args: vec!["--live-restore".to_owned()],
        env: vec![("PATH".to_owned(), format!("{path}:/usr/sbin:/sbin"))],
        patience: Duration::from_secs(30),
    }
}

fn shared_env(options: &StackOptions) -> Vec<(String, String)> {
    let log = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let pairs = [
        (MARK, options.state().path().display().to_string()),
        ("RUST_LOG", log),
        // Logs are files.
        ("NO_COLOR", "1".to_owned()),
        ("AWS_ENDPOINT_URL", options.aws_url()),
        ("AWS_ACCESS_KEY_ID", AWS_ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", AWS_SECRET_KEY.to_owned()),
        ("AWS_REGION", AWS_REGION.to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Parameters of infra/template.yaml, one per line.
fn parameters(options: &StackOptions, secrets: &Secrets) -> String {
    let pairs = [
        ("DeploymentId", secrets.deployment.to_string()),
        ("MasterKey", secrets.master_key.clone()),
        ("JoinTokenSha256", sha256_hex(&secrets.join_token)),
        ("ProxyUrl", options.proxy_url()),
        ("PreviewTemplate", format!("http://{{{{PORT}}}}-{{{{sandboxId}}}}.preview.localhost:{}", options.edge_port)),
        ("DashboardUrl", format!("http://localhost:{}/dashboard", options.api_port)),
    ];
    pairs.map(|(name, value)| format!("{name}={value}")).join("\n")
}

fn absolute(path: &Path) -> String {
    repo().join(path).display().to_string()
}
