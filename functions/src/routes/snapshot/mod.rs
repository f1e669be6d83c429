//! `/snapshots`, one file per operation.

pub mod get;
pub mod list;
