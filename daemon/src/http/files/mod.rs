//! `/files/...`, one module per route.

pub mod bulk_download;
pub mod bulk_upload;
pub mod delete;
mod disposition;
pub mod download;
pub mod find;
pub mod folder;
pub mod info;
pub mod list;
pub mod permissions;
pub mod relocate;
pub mod replace;
pub mod search;
pub mod upload;

use serde::Deserialize;

/// Routes whose only parameter is a path.
#[derive(Debug, Deserialize)]
pub struct PathQuery {
    /// Missing is refused where it is resolved.
    #[serde(default)]
    path: String,
}

/// Routes that look for something below a path.
#[derive(Debug, Deserialize)]
pub struct PatternQuery {
    #[serde(default)]
    path: String,
    #[serde(default)]
    pattern: String,
}
