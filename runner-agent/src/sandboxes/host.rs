//! What owner tasks share: one of each per runner.

use std::sync::Arc;

use crate::{
    control_api::ControlApi,
    engine::{Engine, starts::Starts},
    journal::Journal,
    network::slots::Slots,
};

use super::{daemon::DaemonClient, files::Files, holdings::Holdings, outbox::Outbox};

/// The runner, as its owner tasks see it.
pub struct Host {
    /// Deployment id; work of another is refused.
    pub deployment: String,
    /// Runner id, for labels.
    pub runner: String,
    /// Where containers are.
    pub engine: Arc<dyn Engine>,
    /// Networks in stock.
    pub slots: Slots,
    /// Room.
    pub holdings: Holdings,
    /// Bound on starts.
    pub starts: Starts,
    /// Files mounted into sandboxes.
    pub files: Files,
    /// Tombstones.
    pub journal: Arc<Journal>,
    /// Reports on their way.
    pub outbox: Outbox,
    /// For the key of sealed environments.
    pub control: Arc<ControlApi>,
    /// Calls to daemons.
    pub daemons: DaemonClient,
}
