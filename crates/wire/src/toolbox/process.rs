//! `POST /process/execute` and `POST /process/code-run`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::chart::Chart;

/// `POST /process/execute`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execute {
    /// Text for the shell's stdin.
    #[serde(default)]
    pub command: String,
    /// Working directory; the daemon's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Added to the sandbox's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envs: Option<BTreeMap<String, String>>,
    /// Seconds; absent or 0 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// Answer of execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// -1 when it could not start or was ended by a signal.
    pub exit_code: i32,
    /// stdout and stderr in the order of arrival.
    pub result: String,
}

/// `POST /process/code-run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRun {
    /// The program text.
    #[serde(default)]
    pub code: String,
    /// `python`, `javascript` or `typescript`.
    #[serde(default)]
    pub language: String,
    /// Joined by spaces and read by the shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// Added to the sandbox's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envs: Option<BTreeMap<String, String>>,
    /// Seconds; absent or 0 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// Answer of code-run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeRan {
    /// -1 when it could not start or was ended by a signal.
    pub exit_code: i32,
    /// stdout and stderr in the order of arrival, chart lines taken out.
    pub result: String,
    /// Present when there is at least one chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Artifacts>,
}

/// What a run left behind besides text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Artifacts {
    /// In the order they were shown.
    pub charts: Vec<Chart>,
}
