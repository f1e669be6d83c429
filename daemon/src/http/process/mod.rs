//! `/process/...`.

pub mod code_run;
pub mod execute;
pub mod interpreter;
pub mod pty;
pub mod session;

use axum::response::Response;

use super::stream::json_text;
use crate::process::output::Output;

/// What runs answer: their exit code, their output, and what `more` adds. Only an output that was cut has the key
/// `truncated`: the exit code is the program's own, and says nothing about it.
fn answer(exit_code: i32, output: Output, more: String) -> Response {
    let truncated = if output.truncated { r#","truncated":true"# } else { "" };
    json_text(format!(r#"{{"exitCode":{exit_code},"result":"#), output, more + truncated + "}")
}
