//! The life of one agent process: while it lasts it may be cut off from the network; when it ends, whatever it was doing
//! stops where it stands, for it never hears an answer again.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::chance;

#[derive(Default)]
pub struct Life {
    ended: AtomicBool,
    cut: AtomicBool,
}

impl Life {
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub fn set_cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Passes while the process lives.
    pub async fn breathe(&self) {
        if self.ended.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    /// Something outside is done for it: it may have ended before, or not live to see the result.
    pub async fn outside<A>(self: &Arc<Self>, work: impl Future<Output = A>) -> A {
        self.breathe().await;
        chance::latency().await;
        self.breathe().await;
        let done = work.await;
        self.breathe().await;
        chance::latency().await;
        self.breathe().await;
        done
    }
}
