//! `/process/session/...`: long-lived shells.

use serde::{Deserialize, Serialize};

/// What each line of a command's standard output begins with in its log.
pub const STDOUT_MARKER: [u8; 3] = [1; 3];
/// What each line of a command's standard error begins with in its log.
pub const STDERR_MARKER: [u8; 3] = [2; 3];

/// The session of the container's own command; its name is reserved.
pub const ENTRYPOINT_SESSION: &str = "entrypoint";
/// The one command of the entrypoint session.
pub const ENTRYPOINT_COMMAND: &str = "entrypoint_command";

/// `POST /process/session`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSession {
    /// Chosen by the caller.
    #[serde(default)]
    pub session_id: String,
}

/// A session and what it was told to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub session_id: String,
    /// Oldest first.
    pub commands: Vec<Command>,
}

/// A command of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    pub id: String,
    /// Its text; the end of a very long one is left out.
    pub command: String,
    /// Absent until it ended; -1 when it never began because its session ended first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// `POST /process/session/{id}/exec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionExecute {
    /// Text for the session's shell.
    #[serde(default)]
    pub command: String,
    /// Answer at once, and keep stdin open for `/input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_async: Option<bool>,
    /// The same under its older name.
    #[serde(default, rename = "async", skip_serializing_if = "Option::is_none")]
    pub legacy_async: Option<bool>,
    /// Keeps what is sent to `/input` out of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_input_echo: Option<bool>,
}

/// Answer of exec. All but the id is absent when the command goes on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionExecuted {
    pub cmd_id: String,
    /// Both streams, with markers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// `POST .../command/{cid}/input`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInput {
    /// A line end is added where there is none.
    #[serde(default)]
    pub data: String,
}

/// Answer of `GET .../logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLogs {
    /// Both streams, with markers.
    pub output: String,
    pub stdout: String,
    pub stderr: String,
}
