//! `/api-keys`, one file per operation.

pub mod create;
pub mod current;
pub mod delete;
pub mod delete_for_user;
pub mod get;
pub mod list;
