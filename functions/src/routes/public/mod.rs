//! What needs no key.

pub mod config;
pub mod health;
pub mod ready;
