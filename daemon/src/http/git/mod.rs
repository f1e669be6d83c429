//! `/git/...`, one module per URL.

pub mod add;
pub mod branches;
pub mod checkout;
pub mod clone;
pub mod commit;
pub mod config;
pub mod credentials;
pub mod history;
pub mod init;
pub mod pull;
pub mod push;
pub mod remotes;
pub mod reset;
pub mod restore;
pub mod status;

use serde::Deserialize;

/// Routes whose only parameter is the repository.
#[derive(Debug, Deserialize)]
pub struct PathQuery {
    /// Missing is refused where it is resolved.
    #[serde(default)]
    path: String,
}
