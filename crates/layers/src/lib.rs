//! A sandbox's changed files as a layer: the upper directory of an overlay as a PAX tar, compressed by zstd.
//!
//! The same files give the same bytes, so that an interrupted upload can go on after packing anew. What is unpacked may
//! be hostile: nothing leaves the root, and what the format does not need is refused. Synchronous throughout.
//!
//! * [`pack()`] and its way out: [`tar_out`]; [`unpack()`] and its way in: [`tar_in`], [`place`]
//! * [`root`] paths that stay below a directory; [`entry`] what is known of a file
//! * [`attributes`] which extended attributes go along; [`extents`] files with holes; [`records`] PAX records
//! * [`tree`] whole file systems, as an engine exports them, and what of them changed; [`unpack_onto()`]
//! * [`usage()`] what a directory takes of its disk
//! * [`digest`] SHA-256 and length on the way by
//!
//! Start reading at [`pack()`].

mod attributes;
mod digest;
mod entry;
mod error;
mod extents;
mod pack;
mod place;
mod records;
mod root;
mod tar_in;
mod tar_out;
mod tree;
mod unpack;
mod usage;

pub use error::Error;
pub use pack::{Packed, pack};
pub use root::clear;
pub use tree::{Changes, Tree};
pub use unpack::{Expected, Limits, Unpacked, unpack, unpack_onto};
pub use usage::usage;
