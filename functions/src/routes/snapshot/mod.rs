//! `/snapshots`, one file per operation.

pub mod delete;
pub mod get;
pub mod list;
