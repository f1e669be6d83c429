//! Work that waits for the disk, on a thread where nobody waits for it. In a simulation it is done at once, so that when
//! it ends depends on the seed alone.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use paddock_model::entropy;

/// Raises the flag of a thread when nobody waits for it any more.
pub struct Raise(pub Arc<AtomicBool>);

impl Drop for Raise {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does the work; dropped, the work goes on.
///
/// # Errors
/// Those of the work, or that it panicked.
pub async fn run<A: Send + 'static>(work: impl FnOnce() -> io::Result<A> + Send + 'static) -> io::Result<A> {
    if entropy::is_seeded() {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
