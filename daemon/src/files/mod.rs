//! Engine: everything below `/files`. Blocking functions, to be called where blocking is allowed,
//! and streams; no file is ever held in memory as a whole.
//!
//! * [`place`] from the wire's text to a path
//! * [`error`] why it failed

mod error;
pub mod place;

pub use self::error::{FileError, FileResult};
