//! What the control plane proved to be destroyed, or no longer knows; and when there is nothing left to own.

use paddock_wire::work::{Observed, Wish};

use super::{super::state::Held, Mind};

impl Mind {
    /// These epochs are destroyed for good.
    pub fn note_buried(&mut self, epoch: u64) {
        self.buried = self.buried.max(Some(epoch));
        // Whatever else was wished for it is void: serving it would revive the sandbox.
        self.target = self.target.take().filter(|work| work.epoch > epoch || work.wish == Wish::Destroyed);
    }

    /// What was set aside at this epoch is removed.
    pub fn note_lost_removed(&mut self, epoch: u64) {
        self.lost.retain(|lost| *lost != epoch);
    }

    /// The control plane proved that this placement is destroyed.
    pub fn remove(&mut self, epoch: u64) {
        match self.held.body() {
            Some(body) if body.epoch > epoch => self.lost.push(epoch),
            Some(body) if body.epoch == epoch => self.removal = Some(epoch),
            _ => self.lost.push(epoch),
        }
    }

    /// The control plane does not know this placement.
    pub fn keep_stopped(&mut self, epoch: u64) {
        let newer = self.target.as_ref().is_some_and(|work| work.epoch > epoch);
        if self.held.body().is_some_and(|body| body.epoch == epoch) && !newer {
            self.unwanted = true;
            self.target = None;
        }
    }

    /// The epoch to be destroyed, if there is proof for it.
    #[must_use]
    pub fn proven(&self) -> Option<u64> {
        let wish = self.target.as_ref().filter(|work| work.wish == Wish::Destroyed).map(|work| work.epoch);
        wish.max(self.removal)
    }

    /// Nothing is held and nothing more will be done: the owner may end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let reached = match (&self.target, &self.settled) {
            (None, _) => self.buried.is_some(),
            (Some(_), Some((_, observed))) => {
                matches!(observed, Observed::Destroyed | Observed::Archived | Observed::Refused { .. })
            }
            (Some(_), None) => false,
        };
        self.held == Held::Nothing && !self.doubt && self.lost.is_empty() && reached
    }

    /// Nobody has said anything, and there is nothing.
    #[must_use]
    pub fn is_pointless(&self) -> bool {
        self.held == Held::Nothing && !self.doubt && self.target.is_none() && self.lost.is_empty()
    }
}
