//! What doors may rely on, read off what is known.

use paddock_wire::work::{Observed, Wish};

use super::{
    super::{
        registry::{Applied, Phase},
        state::{Held, Key},
    },
    Mind,
};

impl Mind {
    /// What doors may rely on now.
    #[must_use]
    pub fn applied(&self) -> Applied {
        let body_epoch = self.held.body().map_or(0, |body| body.epoch);
        Applied {
            epoch: self.in_force.key.epoch.max(body_epoch),
            generation: if self.in_force.key.epoch >= body_epoch { self.in_force.key.generation } else { 0 },
            phase: self.phase(),
            organization_id: self.in_force.organization_id,
        }
    }

    fn phase(&self) -> Phase {
        let wish = self.target.as_ref().map(|work| work.wish);
        if self.unwanted || self.removal.is_some() {
            return Phase::Gone;
        }
        match (&self.held, wish) {
            (Held::Nothing, Some(Wish::Destroyed)) => Phase::Gone,
            (_, Some(Wish::Destroyed)) => Phase::Stopped,
            (Held::Nothing, Some(Wish::Archived)) if self.settled.is_some() => Phase::Gone,
            (Held::Nothing, None) if self.buried.is_some() => Phase::Gone,
            (Held::Nothing | Held::Stopped(_), _) => self.phase_at_rest(),
            (Held::Running { .. }, Some(Wish::Stopped { .. } | Wish::Paused | Wish::Archived)) => Phase::Stopped,
            (Held::Running { frozen: true, .. }, _) => Phase::Stopped,
            (Held::Running { .. }, _) if self.given_up.is_some() => self.phase_at_rest(),
            (Held::Running { env, addr, .. }, _) => {
                let in_force = env.is_some() && (*env == self.in_force.env || self.in_force.key == Key::default());
                if in_force && !self.broken { Phase::Running { addr: *addr } } else { Phase::Starting }
            }
        }
    }

    fn phase_at_rest(&self) -> Phase {
        match &self.given_up {
            Some((_, Observed::Failed { reason, .. })) => Phase::Failed { reason: reason.clone() },
            Some((_, Observed::Refused { .. })) => Phase::Gone,
            Some(_) => Phase::Stopped,
            None if self.target.as_ref().is_some_and(|work| work.wish == Wish::Started) => Phase::Starting,
            None => Phase::Stopped,
        }
    }
}
