//! Engine: everything below `/files`. Blocking functions, to be called where blocking is allowed,
//! and streams; no file is ever held in memory as a whole.
//!
//! | module | what |
//! |---|---|
//! | [`place`] | from the wire's text to a path, and back to the caller's spelling |
//! | [`error`] | why it failed |
//! | [`open`] | opening and creating regular files; a FIFO or device in their place blocks nobody |
//! | [`info`], [`list`] | what is there |
//! | [`find`], [`search`] | by content (grep), by name (glob) |
//! | [`replace`] | text in files |
//! | [`change`] | folder, delete, permissions |
//! | [`relocate`] | move, within a file system or across |
//! | [`download`] | ranges, and the parts of a bulk download |
//! | [`upload`] | a stream into a file |

pub mod change;
pub mod download;
mod error;
pub mod find;
mod glob;
pub mod info;
pub mod list;
pub mod open;
pub mod place;
pub mod relocate;
pub mod replace;
pub mod search;
pub mod upload;

pub use self::error::{FileError, FileResult};
