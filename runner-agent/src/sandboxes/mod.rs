//! Sandboxes that this runner holds: one owner task each.

pub mod idle;
pub mod registry;
