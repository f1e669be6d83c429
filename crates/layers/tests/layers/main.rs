//! Layers of real trees, in temporary directories, as root.
//!
//! * [`round_trip`] what sandboxes leave; [`random`] anything
//! * [`hostile`] layers that nobody here would write
//! * [`support`] trees and layers to begin with

mod hostile;
mod random;
mod round_trip;
mod support;
