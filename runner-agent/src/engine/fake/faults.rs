//! What tests do to the fake, as the world does it to the real one.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::broadcast;

use super::{Failure, FakeEngine, State};
use crate::engine::Space;

impl FakeEngine {
    /// The call after `calls` more will fail with this error; ordered twice, the second counts from the first.
    pub fn fail_call(&self, calls: usize, error: Failure) {
        self.lock().fail_after.push_back((calls, error));
    }

    /// A failure that was ordered has not come yet.
    #[must_use]
    pub fn failure_pending(&self) -> bool {
        !self.lock().fail_after.is_empty()
    }

    /// Calls no longer succeed / succeed again; containers keep running.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// The next container is made, but the engine goes away before it says so.
    pub fn leave_in_create(&self) {
        self.lock().leaves_in_create = true;
    }

    /// Calls do not succeed now.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.lock().away
    }

    /// dockerd ends and comes back without live restore: nothing runs any more, and nobody was told.
    pub fn restart(&self) {
        for container in self.lock().containers.values_mut() {
            if let State::Running(_) | State::Paused(_) = container.state {
                container.state = State::Exited { code: 137, out_of_memory: false };
            }
        }
        *self.notices() = broadcast::channel(1024).0;
    }

    /// Pulls do not end until the result is dropped.
    pub async fn hold_pulls(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.registry_line).lock_owned().await
    }

    /// A container's first process ends by itself.
    pub fn lose(&self, name: &str, code: i64, out_of_memory: bool) {
        let mut inner = self.lock();
        if let Some((id, container)) = inner.containers.iter_mut().find(|(_, container)| container.name == name) {
            self.end(id.clone(), container, code, out_of_memory);
        }
    }

    /// The files of a container take so many bytes now.
    pub fn fill(&self, name: &str, bytes: u64) {
        if let Some(container) = self.lock().containers.values_mut().find(|container| container.name == name) {
            container.disk_use = bytes;
        }
    }

    /// The disk is so full now.
    pub fn set_space(&self, space: Space) {
        self.lock().space = space;
    }

    /// Containers are held to their disk by the engine from now on.
    pub fn set_limits_disk(&self) {
        self.lock().limits_disk = true;
    }

    /// The environment that the daemon of a running container was given over HTTP.
    #[must_use]
    pub fn env_of(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let inner = self.lock();
        let container = inner.containers.values().find(|container| container.name == name)?;
        match &container.state {
            State::Running(Some(daemon)) => Some(daemon.env()),
            _ => None,
        }
    }

    /// The server inside a running container is started anew by its PID 1: its environment is forgotten.
    pub async fn restart_daemon(&self, name: &str) {
        let server = {
            let inner = self.lock();
            let container = inner.containers.values().find(|container| container.name == name);
            container.and_then(|container| match &container.state {
                State::Running(Some(daemon)) => Some(daemon.clone()),
                _ => None,
            })
        };
        if let Some(server) = server {
            server.restart().await;
        }
    }
}
