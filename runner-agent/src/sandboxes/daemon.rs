//! The few calls that the runner itself makes to a sandbox's daemon.
//!
//! Whatever answers there is tenant's ground: every call is bounded in time and size.

use std::{error::Error, io::ErrorKind, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use paddock_wire::work::Env;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::readiness::known_version;

const TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: u64 = 1 << 20;

/// Why a daemon did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// No answer.
    #[error("the sandbox's daemon does not answer")]
    Silent(#[from] reqwest::Error),
    /// Nothing is there, or nothing that runs.
    #[error("there is no daemon")]
    Absent,
    /// It answered no.
    #[error("the sandbox's daemon answered {0}")]
    Refused(StatusCode),
    /// An answer of the wrong form.
    #[error("the sandbox's daemon gave an answer that cannot be read")]
    Malformed,
}

impl DaemonError {
    /// It is the daemon that does not answer as it should. False when the call did not get as far: this process is out
    /// of descriptors, ports or memory, which says nothing about the sandbox.
    #[must_use]
    pub fn is_the_daemons(&self) -> bool {
        match self {
            Self::Silent(error) => error.is_timeout() || comes_from_outside(error),
            Self::Absent | Self::Refused(_) | Self::Malformed => true,
        }
    }

    /// What began it, for the log.
    #[must_use]
    pub fn cause(&self) -> String {
        let first: &(dyn Error + 'static) = self;
        let last = std::iter::successors(Some(first), source).last();
        last.map(ToString::to_string).unwrap_or_default()
    }
}

fn source<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    (**error).source()
}

/// Something at the other end caused it, or that there is nothing there.
fn comes_from_outside(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), source);
    causes.any(|cause| {
        let broken_off = cause.downcast_ref::<hyper::Error>().is_some_and(|error| {
            error.is_incomplete_message() || error.is_parse() || error.is_closed() || error.is_canceled()
        });
        let by_kernel = cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::TimedOut
                    | ErrorKind::HostUnreachable
            )
        });
        broken_off || by_kernel
    })
}

/// Calls to daemons.
#[async_trait]
pub trait Daemons: Send + Sync {
    /// `GET /version`; none when it says one that cannot be.
    ///
    /// # Errors
    /// When it does not answer, or not so.
    async fn version(&self, daemon: SocketAddr) -> Result<Option<String>, DaemonError>;

    /// `POST /env`: later processes see these variables.
    ///
    /// # Errors
    /// When it does not answer, or not so.
    async fn set_env(&self, daemon: SocketAddr, env: &Env) -> Result<(), DaemonError>;
}

/// Calls over HTTP.
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
}

#[async_trait]
impl Daemons for DaemonClient {
    async fn version(&self, daemon: SocketAddr) -> Result<Option<String>, DaemonError> {
        let response = self.http.get(format!("http://{daemon}/version")).send().await?;
        if !response.status().is_success() {
            return Err(DaemonError::Refused(response.status()));
        }
        if response.content_length().is_none_or(|length| length > LONGEST_ANSWER) {
            return Err(DaemonError::Malformed);
        }
        let body: Value = response.json().await?;
        body["version"].as_str().map(known_version).ok_or(DaemonError::Malformed)
    }

    async fn set_env(&self, daemon: SocketAddr, env: &Env) -> Result<(), DaemonError> {
        let response = self.http.post(format!("http://{daemon}/env")).json(&json!({ "set": env })).send().await?;
        if response.status().is_success() { Ok(()) } else { Err(DaemonError::Refused(response.status())) }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use nix::errno::Errno;

    use super::*;

    #[tokio::test]
    async fn a_closed_door_is_the_daemons_silence() {
        // Bound without listening: a port that is free could become another test's.
        let bound = tokio::net::TcpSocket::new_v4().unwrap();
        bound.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let nowhere = bound.local_addr().unwrap();
        let error = DaemonClient::new().unwrap().version(nowhere).await.unwrap_err();
        assert!(error.is_the_daemons(), "{error:?}");
    }

    #[tokio::test]
    async fn a_daemon_that_hangs_up_is_silent_too() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let error = DaemonClient::new().unwrap().version(addr).await.unwrap_err();
        assert!(error.is_the_daemons(), "{error:?}");
    }

    /// As connectors wrap it.
    #[derive(Debug, thiserror::Error)]
    #[error("connect")]
    struct Connect(#[source] io::Error);

    #[test]
    fn a_want_of_ours_is_not() {
        let wrapped = |errno: Errno| Connect(errno.into());
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::EADDRNOTAVAIL, Errno::ENOMEM] {
            assert!(!comes_from_outside(&wrapped(errno)), "{errno}");
        }
        assert!(comes_from_outside(&wrapped(Errno::ECONNREFUSED)));
    }
}
