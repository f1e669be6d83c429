//! What can be asked for, one file per verb and noun. No HTTP here: extractors and status codes live in routes.
//!
//! Every action takes the [`App`](crate::app::App) and what it needs to know of the caller, and answers in words of the
//! domain. Authentication and permissions are checked before; whose object it is is checked here.
//!
//! * users: [`create_sandbox`], [`find_sandbox`], [`list_sandboxes`], [`start_sandbox`], [`stop_sandbox`],
//!   [`pause_sandbox`], [`resize_sandbox`], [`capture_sandbox`] (archive, backup, snapshot), [`fork_sandbox`],
//!   [`list_family`], [`recover_sandbox`], [`delete_sandbox`], [`set_labels`], [`set_public`], [`set_timers`],
//!   [`touch_sandbox`], [`find_snapshot`], [`list_snapshots`], [`delete_snapshot`]
//! * access: [`authenticate`], [`create_api_key`], [`list_api_keys`], [`find_api_key`], [`delete_api_key`],
//!   [`find_organization`]
//! * agents: [`register_agent`], [`authenticate_agent`], [`heartbeat`], [`take_inventory`], [`apply_reports`],
//!   [`find_work`], [`upload_capture`], [`authorize`], [`read_revocations`]
//! * time: [`sweep_due`], [`drain_runner`], [`top_up_pool`]
//! * operators: [`bootstrap`], [`declare_runner_dead`], [`set_pool`], [`read_status`], [`authorize_operator`],
//!   [`find_runner`], [`list_runners`], [`mark_runner`] (unschedulable, draining), [`remove_runner`]
//! * shared: `collect_captures`, `first_files`, `drive` the road of every change of a head, `wish`, `place`, `claim`, `work`, `wait_started`

pub mod apply_report;
pub mod apply_reports;
pub mod authenticate;
pub mod authenticate_agent;
pub mod authorize;
pub mod authorize_operator;
pub mod bootstrap;
pub mod capture_sandbox;
pub mod create_api_key;
pub mod create_sandbox;
pub mod declare_runner_dead;
pub mod delete_api_key;
pub mod delete_sandbox;
pub mod delete_snapshot;
pub mod drain_runner;
pub mod find_api_key;
pub mod find_organization;
pub mod find_runner;
pub mod find_sandbox;
pub mod find_snapshot;
pub mod find_work;
pub mod fork_sandbox;
pub mod heartbeat;
pub mod list_api_keys;
pub mod list_family;
pub mod list_runners;
pub mod list_sandboxes;
pub mod list_snapshots;
pub mod mark_runner;
pub mod pause_sandbox;
pub mod read_revocations;
pub mod read_status;
pub mod recover_sandbox;
pub mod register_agent;
pub mod remove_runner;
pub mod resize_sandbox;
pub mod set_labels;
pub mod set_pool;
pub mod set_public;
pub mod set_timers;
pub mod start_sandbox;
pub mod stop_sandbox;
pub mod sweep_due;
pub mod take_inventory;
pub mod top_up_pool;
pub mod touch_sandbox;
pub mod upload_capture;

mod claim;
mod collect_captures;
mod drive;
mod error;
mod first_files;
mod place;
mod wait_started;
mod wish;
mod work;

pub use error::{Error, Resource};

use paddock_model::{
    id::{OrganizationId, UserId},
    sandbox::Spec,
};

/// Longer names and credentials are refused unread.
const MAX_NAME_BYTES: usize = 255;

/// Most bytes of environment and labels together: they travel in one message and rest in one item.
const MAX_SPEC_BYTES: usize = 64 * 1024;

/// Who asks, already authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// Whose objects may be seen.
    pub organization: OrganizationId,
    /// For the history, and whose API keys these are.
    pub user: UserId,
}

/// Refuses what would not fit an item or a message.
fn check_size(spec: &Spec) -> Result<(), Error> {
    let texts = spec.env.iter().chain(&spec.labels);
    let bytes: usize = texts.map(|(name, value)| name.len() + value.len() + 8).sum();
    if bytes <= MAX_SPEC_BYTES {
        Ok(())
    } else {
        Err(Error::Invalid(format!("env and labels together must not exceed {MAX_SPEC_BYTES} bytes, got {bytes}")))
    }
}
