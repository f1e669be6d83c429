//! Engine: git. The sandbox's own program does the work, so that hooks, filters, credential helpers, ssh and configuration
//! count as they do in a terminal; it is looked up each time, because it may have been installed since.
//!
//! | module | what |
//! |---|---|
//! | [`program`] | one run of git: process group, bounded output, ended with its caller |
//! | [`place`] | git in a directory: its arguments and variables |
//! | [`error`] | why it failed |
//! | [`failure`] | from what git says to a kind of failure |
//! | [`words`] | what callers may say: names, revisions, files |
//! | [`credentials`] | passwords for a run, and the ones that are kept |
//! | [`clone`], [`branches`], [`status`], [`history`], [`stage`], [`sync`], [`undo`], [`remotes`], [`config`] | operations |
//!
//! First the operation is tried, and why it failed is looked into afterwards: what goes well costs one process. Where git
//! has an exit code or a porcelain line for a failure, or another command tells, these count; its English only where it has
//! nothing else ([`failure`]).

mod branches;
mod clone;
mod config;
mod credentials;
mod error;
mod failure;
mod history;
mod place;
mod program;
mod remotes;
mod stage;
mod status;
mod sync;
mod undo;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::error::{Failure, GitError, GitResult};
pub use self::history::History;
use crate::environment::Environment;
use crate::process::output::OutputBudget;

/// Runs git.
#[derive(Debug)]
pub struct Git {
    environment: Arc<Environment>,
    work_dir: PathBuf,
    home: PathBuf,
    budget: OutputBudget,
}

impl Git {
    /// With the sandbox's variables; paths begin in `work_dir`.
    pub fn new(environment: Arc<Environment>, work_dir: PathBuf, home: PathBuf) -> Self {
        Self { environment, work_dir, home, budget: OutputBudget::default() }
    }
}
