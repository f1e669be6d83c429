//! Keeps sandboxes from being stopped as idle while a request or a WebSocket is open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use uuid::Uuid;

use crate::sandboxes::registry::Handle;

/// An open request renews the idle clock this often; auto-stop counts in minutes.
const EVERY: Duration = Duration::from_secs(30);

/// All sandboxes of this runner that have something open.
#[derive(Default)]
pub struct Activity {
    open: Mutex<HashMap<Uuid, (Handle, usize)>>,
}

/// The caller does not want its request to count as use.
pub fn is_skipped(headers: &HeaderMap) -> bool {
    headers
        .get("x-daytona-skip-last-activity-update")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

impl Activity {
    /// Counts the sandbox as used now, and until the answer is dropped.
    pub fn begin(self: &Arc<Self>, handle: Handle) -> InUse {
        handle.touch();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = open.entry(handle.sandbox_id()).or_insert_with(|| (handle.clone(), 0));
        // After a restart of the owner task the newer handle is the one whose clock is read.
        entry.0 = handle.clone();
        entry.1 += 1;
        drop(open);
        InUse { activity: Arc::clone(self), handle }
    }

    /// Renews the clocks of all that is open, until dropped.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            for (handle, _) in self.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
                handle.touch();
            }
        }
    }
}

/// One open request.
pub struct InUse {
    activity: Arc<Activity>,
    handle: Handle,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.handle.touch();
        let mut open = self.activity.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = open.get_mut(&self.handle.sandbox_id()) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.handle.sandbox_id());
            }
        }
    }
}
