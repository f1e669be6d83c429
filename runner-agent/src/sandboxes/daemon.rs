//! The few calls that the runner itself makes to a sandbox's daemon.
//!
//! Whatever answers there is tenant's ground: every call is bounded in time and size.

use std::{net::SocketAddr, time::Duration};

use paddock_wire::work::Env;
use reqwest::StatusCode;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: u64 = 1 << 20;

/// Why a daemon did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// No answer.
    #[error("the sandbox's daemon does not answer")]
    Silent(#[from] reqwest::Error),
    /// It answered no.
    #[error("the sandbox's daemon answered {0}")]
    Refused(StatusCode),
    /// An answer of the wrong form.
    #[error("the sandbox's daemon gave an answer that cannot be read")]
    Malformed,
}

/// Calls to daemons.
#[derive(Clone)]
pub struct DaemonClient {
    http: reqwest::Client,
}

impl DaemonClient {
    /// A client for all sandboxes.
    ///
    /// # Errors
    /// When the TLS set-up of this machine cannot be read.
    pub fn new() -> Result<Self, DaemonError> {
        // No proxy and no redirect: a sandbox must not make the agent call elsewhere.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(1)
            .build()?;
        Ok(Self { http })
    }

    /// `GET /version`.
    ///
    /// # Errors
    /// When it does not answer, or not so.
    pub async fn version(&self, daemon: SocketAddr) -> Result<String, DaemonError> {
        let response = self.http.get(format!("http://{daemon}/version")).send().await?;
        if !response.status().is_success() {
            return Err(DaemonError::Refused(response.status()));
        }
        if response.content_length().is_none_or(|length| length > LONGEST_ANSWER) {
            return Err(DaemonError::Malformed);
        }
        let body: Value = response.json().await?;
        body["version"].as_str().map(str::to_owned).ok_or(DaemonError::Malformed)
    }

    /// `POST /env`: later processes see these variables.
    ///
    /// # Errors
    /// When it does not answer, or not so.
    pub async fn set_env(&self, daemon: SocketAddr, env: &Env) -> Result<(), DaemonError> {
        let response = self.http.post(format!("http://{daemon}/env")).json(&json!({ "set": env })).send().await?;
        if response.status().is_success() { Ok(()) } else { Err(DaemonError::Refused(response.status())) }
    }
}
