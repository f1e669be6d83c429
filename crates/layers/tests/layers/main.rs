//! Layers of real trees, in temporary directories, as root.
//!
//! * [`round_trip`] what sandboxes leave; [`random`] anything
//! * [`hostile`] layers that nobody here would write
//! * [`tree`] whole file systems, and what changed of them
//! * [`support`] trees and layers to begin with

mod hostile;
mod random;
mod round_trip;
mod support;
mod tree;
