//! What can be asked for, one file per verb and noun. No HTTP here: extractors and status codes live in routes.
//!
//! Every action takes the [`App`](crate::app::App) and what it needs to know of the caller, and answers in words of the
//! domain. Authentication and permissions are checked before; whose object it is is checked here.
//!
//! * users: [`create_sandbox`], [`find_sandbox`], [`list_sandboxes`], [`start_sandbox`], [`stop_sandbox`],
//!   [`delete_sandbox`], [`set_labels`], [`set_auto_stop`], [`touch_sandbox`]
//! * access: [`authenticate`], [`create_api_key`], [`find_api_key`], [`delete_api_key`], [`find_organization`]
//! * snapshots: [`find_snapshot`]

mod error;

pub use error::{Error, Resource};

use paddock_model::id::{OrganizationId, UserId};

/// Who asks, already authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// Whose objects may be seen.
    pub organization: OrganizationId,
    /// For the history, and whose API keys these are.
    pub user: UserId,
}
