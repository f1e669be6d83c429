//! What callers send, checked: every rule once, every refusal naming the field.
//!
//! * [`body`] JSON bodies, bounded
//! * [`query`] query parameters in all the forms that SDKs write them
//! * [`page`] lists by page number
//! * [`path`] ids, names and numbers in paths
//! * [`name`] names of things
//! * [`maps`] labels and environment
//! * [`interval`] minutes
//! * [`create_sandbox`] the body of `POST /sandbox`, as a whole

pub mod body;
pub mod create_sandbox;
pub mod interval;
pub mod maps;
pub mod name;
pub mod page;
pub mod path;
pub mod query;

use crate::error::ApiError;

/// Collects what is wrong, so that a caller reads all of it at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Keeps the value of a good field; notes a bad one under its name.
    pub fn take<T>(&mut self, field: &str, checked: Result<T, String>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(reason) => {
                self.0.push(format!("{field} {reason}"));
                None
            }
        }
    }

    /// Nothing, or all of it joined as the wire does.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.0.join(", "))) }
    }
}
