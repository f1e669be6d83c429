//! Reset and restore.

use paddock_wire::toolbox::git::{Reset, Restore};

use super::error::{Failure, GitResult};
use super::place::Place;
use super::program::Ended;
use super::{Git, words};

const MODES: [&str; 5] = ["soft", "mixed", "hard", "merge", "keep"];

impl Git {
    /// HEAD, and with it, as the mode says, index and work tree; or of some files the index.
    pub async fn reset(&self, request: Reset) -> GitResult<()> {
        let Reset { path, mode, target, files } = request;
        let target = words::optional("target", target.as_deref())?;
        let files = words::files(&files.unwrap_or_default())?;
        let mode = mode.as_deref().filter(|mode| !mode.is_empty());
        if let Some(mode) = mode.filter(|mode| !MODES.contains(mode)) {
            let shown: String = mode.chars().take(40).collect();
            return Err(Failure::Argument.because(format!("invalid mode {shown:?}: one of {}", MODES.join(", "))));
        }
        if !files.is_empty() && mode.is_some_and(|mode| mode != "mixed") {
            return Err(Failure::Argument.because("files can only be reset in mode mixed"));
        }
        let place = self.at(&path).await?;
        let git = place.git(["reset", "--quiet"]);
        let ended = if files.is_empty() {
            git.arg(format!("--{}", mode.unwrap_or("mixed"))).args(target).arg("--").end().await?
        } else {
            git.args(["--pathspec-from-file=-", "--pathspec-file-nul"])
                .args(target)
                .arg("--")
                .stdin(files)
                .end()
                .await?
        };
        place.undone(&ended, target).await
    }

    /// Files as they are in the index, or in a revision.
    pub async fn restore(&self, request: Restore) -> GitResult<()> {
        let Restore { path, files, staged, worktree, source } = request;
        let source = words::optional("source", source.as_deref())?;
        if files.is_empty() {
            return Err(Failure::Argument.because("files are required"));
        }
        let files = words::files(&files)?;
        let staged = staged.unwrap_or_default();
        // Both said to be false is as good as neither said.
        let worktree = worktree.unwrap_or_default() || !staged;
        let place = self.at(&path).await?;
        let ended = place
            .git(["restore", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul"])
            .flag(Some(staged), "--staged")
            .flag(Some(worktree), "--worktree")
            .args(source.map(|source| format!("--source={source}")))
            .stdin(files)
            .end()
            .await?;
        place.undone(&ended, source).await
    }
}

impl Place {
    async fn undone(&self, ended: &Ended, revision: Option<&str>) -> GitResult<()> {
        if ended.succeeded() {
            return Ok(());
        }
        let failure = self.failure(ended).await;
        let is_repository_fine = !matches!(failure, super::GitError::Failed(Failure::RepositoryNotFound, _));
        match revision {
            Some(revision) if is_repository_fine && !self.has_commit(revision).await? => {
                Err(Failure::NotFound.because(format!("no such commit: {revision}")))
            }
            _ => Err(failure),
        }
    }
}
