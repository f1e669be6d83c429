//! A git server with passwords, and sandboxes whose git has a home of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use paddock_daemon::environment::{Environment, Variables};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::sandbox::Sandbox;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sdk/git_server.py");

/// A sandbox with a git that knows nothing of this machine's settings.
pub async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with(|dir| Environment::new(variables(dir))).await;
    sandbox
        .shell("mkdir home && git config --global user.name Me && git config --global user.email me@example.com")
        .await;
    sandbox.shell("git config --global init.defaultBranch main").await;
    sandbox
}

/// Of such a sandbox.
pub fn variables(dir: &Path) -> Variables {
    let mut variables = Environment::inherited().all();
    variables.insert("HOME".into(), dir.join("home").into());
    variables.insert("GIT_CONFIG_SYSTEM".into(), dir.join("system-config").into());
    variables.remove(OsStr::new("GIT_SSL_CAINFO"));
    // None of these may lead astray or be spoken in another language.
    variables.insert("GIT_DIR".into(), "/nowhere".into());
    variables.insert("LC_ALL".into(), "C.UTF-8".into());
    variables.insert("LANGUAGE".into(), "de".into());
    variables
}

/// `git http-backend` over the folder `served` of a sandbox.
pub struct GitServer {
    pub url: String,
    _process: Child,
}

impl GitServer {
    pub async fn start(sandbox: &Sandbox) -> Self {
        Self::run(sandbox, "http", None).await
    }

    /// With a certificate that nobody knows.
    pub async fn start_tls(sandbox: &Sandbox) -> Self {
        sandbox
            .shell(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
                 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem 2>/dev/null
                 cat certificate.pem key.pem > both.pem",
            )
            .await;
        Self::run(sandbox, "https", Some("both.pem")).await
    }

    async fn run(sandbox: &Sandbox, scheme: &str, certificate: Option<&str>) -> Self {
        let mut command = Command::new("python3");
        command.arg(SCRIPT).arg(sandbox.path("served")).args(certificate.map(|name| sandbox.path(name)));
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("python3");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let port = lines.next_line().await.expect("readable").expect("its port");
        Self { url: format!("{scheme}://127.0.0.1:{port}"), _process: process }
    }
}

/// A bare repository at `served/<name>` with one commit on `main` and another on `side`.
pub async fn serve(sandbox: &Sandbox, name: &str) {
    sandbox
        .shell(&format!(
            "unset GIT_DIR
             git init --quiet draft && cd draft && echo one > file && git add . && git commit --quiet -m first
             git checkout --quiet -b side && echo side > side && git add . && git commit --quiet -m aside
             git checkout --quiet main && cd .. && git clone --quiet --bare draft served/{name} && rm -rf draft"
        ))
        .await;
}
