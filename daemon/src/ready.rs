//! Readiness is pushed: the agent listens on a socket that is mounted into the sandbox, so that a
//! start costs no polling.

use std::path::Path;
use std::time::Duration;

use paddock_wire::toolbox::info::Ready;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tracing::{info, warn};

const FIRST_WAIT: Duration = Duration::from_millis(50);
const ATTEMPTS: u32 = 8;

/// Writes one line to the agent. An agent that is restarting is tried for about 13 s;
/// after that it finds out by asking `/version`.
pub async fn push(socket: &Path) {
    let mut wait = FIRST_WAIT;
    for attempt in 1..=ATTEMPTS {
        match write_line(socket).await {
            Ok(()) => return info!("told the agent that we are ready"),
            Err(error) if attempt == ATTEMPTS => return warn!(%error, "could not tell the agent that we are ready"),
            Err(_) => tokio::time::sleep(wait).await,
        }
        wait *= 2;
    }
}

async fn write_line(socket: &Path) -> std::io::Result<()> {
    let line = serde_json::to_string(&Ready { version: crate::VERSION.to_owned() })?;
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    stream.shutdown().await
}
