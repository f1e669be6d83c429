//! `/process/interpreter/...`: contexts, and what both sides say during an execution.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `POST /process/interpreter/context`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateContext {
    /// Working directory; the daemon's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// `python`, also when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A context; all keys are required by clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    pub id: String,
    pub cwd: String,
    /// RFC 3339.
    pub created_at: String,
    /// Whether its process lives; one that does not is started anew with the next execution.
    pub active: bool,
    /// Always `python`.
    pub language: String,
}

/// `GET /process/interpreter/context`; without the default context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contexts {
    pub contexts: Vec<Context>,
}

/// The client's first message at `/process/interpreter/execute`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execute {
    #[serde(default)]
    pub code: String,
    /// The default context when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// For this execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envs: Option<BTreeMap<String, String>>,
    /// Seconds; absent means ten minutes, 0 none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// One message of the server; every key is always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    #[serde(rename = "type")]
    pub kind: FrameKind,
    /// Output, or the word of a control message: [`COMPLETED`] or [`INTERRUPTED`].
    pub text: String,
    /// Of an error: the exception's class.
    pub name: String,
    /// Of an error: the exception as text.
    pub value: String,
    /// Of an error: the user's frames.
    pub traceback: String,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    Stdout,
    Stderr,
    Error,
    Control,
}

/// The execution came to its end, by an exception or not.
pub const COMPLETED: &str = "completed";
/// The execution ended by a signal to the interpreter.
pub const INTERRUPTED: &str = "interrupted";

/// WebSocket close codes of an execution.
pub mod close {
    /// Done, also after an exception.
    pub const DONE: u16 = 1000;
    /// The interpreter's process ended.
    pub const ENDED: u16 = 1001;
    /// The first message is no request.
    pub const UNREADABLE: u16 = 1002;
    /// A request that cannot be served, or a client that does not read.
    pub const REFUSED: u16 = 1008;
    /// Our own fault.
    pub const INTERNAL: u16 = 1011;
    /// The execution took longer than its timeout.
    pub const TIMEOUT: u16 = 4008;
}

impl Frame {
    /// Output.
    pub fn output(kind: FrameKind, text: String) -> Self {
        Self { kind, text, name: String::new(), value: String::new(), traceback: String::new() }
    }

    /// How it ended.
    pub fn control(word: &str) -> Self {
        Self::output(FrameKind::Control, word.to_owned())
    }
}
