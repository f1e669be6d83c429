//! The one table. No other module calls DynamoDB.
//!
//! * [`keys`] every key of every item and index
//! * [`sandboxes`] heads and specifications, and the one write that changes a head with all that hangs on it
//! * [`captures`] captures of sandboxes' files, and who names them
//! * [`names`] unique names; [`quotas`] escrow; [`pools`] warm pools; [`revocations`] the feed
//! * [`organizations`], [`api_keys`], [`snapshots`], [`regions`], [`runners`], [`rates`], [`history`]
//! * `attempt` patience with contention; `transaction` several items or none; [`error`] what can go wrong
//!
//! Every write carries a fresh `op`. A conditional failure whose old item shows the same `op` is our own success, seen
//! late because an answer was lost. Items belong to this module: each has its own serde struct, and conversions name
//! every field, so that a new field breaks the build at the right line.

mod attempt;
mod error;
mod item;
mod transaction;

pub mod api_keys;
pub mod captures;
pub mod history;
pub mod keys;
pub mod names;
pub mod organizations;
pub mod pools;
pub mod quotas;
pub mod rates;
pub mod regions;
pub mod revocations;
pub mod runners;
pub mod sandboxes;
pub mod snapshots;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
pub use error::Error;

use crate::seal::Sealer;

/// The table and what is needed to read it.
#[derive(Clone)]
pub struct Store {
    db: Client,
    table: String,
    sealer: Arc<Sealer>,
}

impl Store {
    /// Wraps the client; makes no call.
    pub fn new(db: Client, table: String, sealer: Arc<Sealer>) -> Self {
        Self { db, table, sealer }
    }
}
