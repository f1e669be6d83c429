//! Captures and restores against a control plane and an S3 that fail in all the ways they can. They need root.
//!
//! * [`scene`] both of them, and a sandbox's files
//! * [`capture`] there; [`resume`] there after an interruption; [`restore`] back

mod capture;
mod restore;
mod resume;
mod scene;
