//! How a sandbox leaves a runner that becomes empty, without losing a file.

use crate::{
    lifecycle::{Desired, Event, State},
    sandbox::{Purpose, Sandbox},
    time::Timestamp,
};

impl Sandbox {
    /// The head on its way from its runner; none when it stays for now. What waits in a pool is replaced elsewhere, what
    /// is stopped is archived. What runs, is frozen or has failed stays until somebody changes that.
    pub fn evacuated(&self, now: Timestamp) -> Option<Self> {
        self.runner?;
        if self.waits_in_pool() {
            return self.wish(Event::Delete, false, now).ok()?;
        }
        let may_go = self.state == State::Stopped && self.is_at_rest() && !self.timers.is_ephemeral();
        may_go.then(|| self.capturing(Purpose::Archive, now).ok())?
    }

    /// It leaves its runner already.
    pub fn is_leaving(&self) -> bool {
        self.desired == Desired::Archived || self.desired == Desired::Destroyed
    }

    fn waits_in_pool(&self) -> bool {
        self.pool.is_some() && self.organization.is_none() && self.desired != Desired::Destroyed
    }
}
