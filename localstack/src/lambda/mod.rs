//! Lambda on a laptop: the real `bootstrap` programs as child processes.
//!
//! * [`functions`] - all functions of the template, by name
//! * [`pool`] - one function: which process takes the next invocation
//! * [`process`] - the task that owns one process through its life
//! * [`runtime_api`] - the HTTP interface a process polls (`/2018-06-01/runtime/...`)
//! * [`child`] - starting a process so that it cannot outlive us; stopping and continuing it
//!
//! As on AWS, a process serves one invocation at a time and is frozen between two (SIGSTOP), so a
//! task left running in the background stops here as it would there.

mod child;
mod functions;
mod pool;
mod process;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

pub use functions::{Functions, Placement};
pub use pool::Pool;

/// Largest request or response of a synchronous invocation (6 MB and what AWS adds to it).
pub const PAYLOAD_LIMIT: usize = 6_291_556;
/// A function has this long to ask for its first invocation. AWS gives 10 s, on a machine that does nothing else; here
/// several start at once, perhaps beside a compiler, and one killed for that would only have to start again.
const INIT_LIMIT: Duration = Duration::from_secs(60);

/// What is needed to run one function.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// Name on AWS.
    pub name: String,
    /// `_HANDLER`.
    pub handler: String,
    /// Places where the program may be; the first that exists when a process is started is run.
    pub programs: Vec<PathBuf>,
    /// Environment of the template and the endpoint.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Memory told to the function.
    pub memory_mib: u32,
    /// Most processes at once.
    pub concurrency: usize,
    /// A process not used for this long ends.
    pub idle_limit: Duration,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// The function said so; the payload is its error object.
    #[error("the function returned an error: {}", String::from_utf8_lossy(.0))]
    Function(Bytes),
    /// The process ended before it answered.
    #[error("{request_id}: {detail}")]
    Crashed {
        /// Which invocation.
        request_id: String,
        /// How it ended.
        detail: String,
    },
    /// It took longer than its timeout; the process was killed.
    #[error("{request_id} Task timed out after {:.2} seconds", limit.as_secs_f64())]
    TimedOut {
        /// Which invocation.
        request_id: String,
        /// The timeout.
        limit: Duration,
    },
    /// The answer is larger than Lambda passes on.
    #[error("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).")]
    ResponseTooLarge,
    /// No function of that name.
    #[error("Function not found: {0}")]
    UnknownFunction(String),
    /// The program is not there or cannot be started.
    #[error("{0}")]
    NotStarted(String),
}

impl InvokeError {
    /// The error object Lambda hands to the caller of `Invoke`.
    pub fn payload(&self) -> Bytes {
        let kind = match self {
            Self::Function(payload) => return payload.clone(),
            Self::Crashed { .. } => "Runtime.ExitError",
            Self::TimedOut { .. } => "Sandbox.Timedout",
            Self::ResponseTooLarge => "Function.ResponseSizeTooLarge",
            Self::UnknownFunction(_) => "ResourceNotFoundException",
            Self::NotStarted(_) => "Runtime.InvalidEntrypoint",
        };
        let body = serde_json::json!({ "errorType": kind, "errorMessage": self.to_string() });
        body.to_string().into()
    }
}
