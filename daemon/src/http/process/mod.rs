//! `/process/...`.

pub mod code_run;
pub mod execute;
