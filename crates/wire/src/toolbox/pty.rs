//! `/process/pty/...`: terminals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `POST /process/pty`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PtyCreate {
    /// Chosen by the caller.
    #[serde(default)]
    pub id: String,
    /// Where the shell begins; the daemon's work directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Added to the sandbox's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envs: Option<BTreeMap<String, String>>,
    /// 80 when absent or 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cols: Option<i64>,
    /// 24 when absent or 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// The shell starts with the first client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lazy_start: Option<bool>,
}

/// Answer of `POST /process/pty`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PtyCreated {
    pub session_id: String,
}

/// Query of `/process/pty/create-connect`. The environment comes as a subprotocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtyCreateConnect {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub cwd: Option<String>,
    #[serde(default)]
    pub cols: Option<i64>,
    #[serde(default)]
    pub rows: Option<i64>,
}

/// `POST /process/pty/{id}/resize`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtyResize {
    #[serde(default)]
    pub cols: i64,
    #[serde(default)]
    pub rows: i64,
}

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PtySessionInfo {
    pub id: String,
    pub cwd: String,
    /// What its creator added.
    pub envs: BTreeMap<String, String>,
    pub cols: u16,
    pub rows: u16,
    /// RFC 3339.
    pub created_at: String,
    /// Its shell runs.
    pub active: bool,
    pub lazy_start: bool,
}

/// Answer of `GET /process/pty`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtySessions {
    pub sessions: Vec<PtySessionInfo>,
}

/// A text message from a terminal's WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "control")]
pub struct PtyControl {
    #[serde(flatten)]
    pub status: PtyStatus,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum PtyStatus {
    Connected,
    Error { error: String },
    Exited(PtyExit),
}

/// How a terminal's shell ended; also the reason in the close frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PtyExit {
    /// 128 and the signal's number when a signal ended it.
    pub exit_code: i32,
    /// Absent when the code is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_reason: Option<String>,
}
