//! The agent inside a sandbox: a small static binary that runs commands and handles files for the
//! official Daytona SDKs. It knows nothing of AWS, organizations or tokens: reachability through
//! the runner is its only access control.
//!
//! Start at [`http::router`] (all routes, in URL order) for what it answers, at [`serve`] for how it
//! comes up, at [`init`] for what it does as PID 1.
//!
//! | module | what |
//! |---|---|
//! | [`init`] | PID 1: starts and restarts the server, reaps orphans, passes signals on; no tokio |
//! | [`pause`] | the whole program of a pause container |
//! | [`serve`] | the server process: runtime, log, listener, readiness |
//! | [`config`] | the environment variables that are ours, read once |
//! | [`ready`] | tells the agent that the listener is bound |
//! | [`log_file`] | the bounded log; stdout stays quiet because a container's output is not kept |
//! | [`oom`] | the daemon dies last when memory runs out, its children as any process |
//! | [`accounts`] | `/etc/passwd` and `/etc/group` without NSS, which a static binary cannot load |
//! | [`environment`] | the variables that spawned processes get, and how `/env` changes them |
//! | [`metrics`] | CPU, memory and disk of this container |
//! | [`http`] | front doors: router, extractors, the error body, one handler per route |
//! | [`process`] | engine: shell choice, spawn, capture, timeout; execute and code-run |
//! | [`lock`] | how a mutex is taken |
//! | [`pty`] | engine: terminals and who is attached to them |
//! | [`session`] | engine: long-lived shells and their commands |
//! | [`interpreter`] | engine: Python contexts that keep their state |
//! | [`charts`] | engine: matplotlib figures out of a Python run |
//! | [`lsp`] | engine: language servers of projects |
//! | [`ports`] | engine: who listens |
//! | [`files`] | engine: everything below `/files` |
//! | [`git`] | engine: everything below `/git`, by the sandbox's own git |
//!
//! Arrows: `main -> init | serve | pause`, `serve -> http -> engines`; no engine knows axum.
//!
//! Bounds, so that no request takes the sandbox's memory: a JSON body may have 16 MiB
//! ([`http::extract::BODY_LIMIT`]), the output kept of one run 16 MiB and of all runs together, until
//! their answers are sent, 64 MiB ([`process::output`]); the rest of an output is read and dropped, and the answer
//! says so: a last line tells how much, and beside the program's own exit code stands `"truncated": true`.
//! The logs of session commands lie on disk. Files are always streamed. A walk takes its turn among 16 and ends with its caller ([`http::stream`]).

pub mod accounts;
pub mod charts;
pub mod config;
pub mod environment;
pub mod files;
pub mod git;
pub mod http;
pub mod init;
pub mod interpreter;
pub mod lock;
pub mod log_file;
pub mod lsp;
pub mod metrics;
pub mod oom;
pub mod pause;
pub mod ports;
pub mod process;
pub mod pty;
pub mod ready;
pub mod serve;
pub mod session;

/// What `/version` and the readiness line say.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
