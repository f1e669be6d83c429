//! Joining the deployment: said once, repeated until it is heard, with the id of an earlier life.

use std::{sync::Arc, time::Duration};

use paddock_model::entropy;
use paddock_wire::agents::{Capacity, Register, Registered};

use crate::{config::Config, control_api::ControlApi, journal::Journal};

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What this agent says of itself.
#[must_use]
pub fn introduction(config: &Config, journal: &Journal, ticket_key: &str) -> Register {
    Register {
        runner_id: journal.runner_id(),
        name: config.name.clone(),
        region: config.region.clone(),
        role: config.role,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        relay_url: config.relay_url.clone(),
        ticket_key: ticket_key.to_owned(),
        capacity: Capacity::default(),
        capabilities: Vec::new(),
        images: Vec::new(),
        proof: None,
    }
}

/// Registers, for as long as it takes: containers run on meanwhile, and nobody else can take them over.
///
/// # Errors
/// When the journal cannot keep the id.
pub async fn until_accepted(api: &ControlApi, journal: &Journal) -> std::io::Result<Arc<Registered>> {
    let mut wait = FIRST_WAIT;
    loop {
        match api.register().await {
            Ok(registered) => {
                if journal.runner_id() != Some(registered.runner_id) {
                    journal.set_runner_id(registered.runner_id)?;
                }
                tracing::info!(runner = %registered.runner_id, deployment = registered.deployment, "registered");
                return Ok(registered);
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "not registered yet"),
        }
        // Many agents come up together after an outage: they should not come back together.
        let jitter = u16::try_from(entropy::below(1024)).unwrap_or_default();
        tokio::time::sleep(wait.mul_f64(0.5 + f64::from(jitter) / 2048.0)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
