//! `GET /port`, `GET /port/{port}/in-use`.

use serde::{Deserialize, Serialize};

/// Ports on which somebody listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// In order.
    pub ports: Vec<u16>,
}

/// Whether somebody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InUse {
    pub is_in_use: bool,
}
