//! Logs go to stderr, which Lambda keeps; `RUST_LOG` says how much.

use tracing_subscriber::EnvFilter;

/// Starts logging; to be called once, first thing.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
