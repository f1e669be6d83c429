//! Local branches.

use paddock_wire::toolbox::git::{Branch, Branches, Checkout};

use super::error::{Failure, GitResult};
use super::{Git, words};

impl Git {
    /// All local ones.
    pub async fn branches(&self, path: &str) -> GitResult<Branches> {
        let place = self.at(path).await?;
        let listed = place.git(["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]).succeed().await?;
        let current = place.current_branch().await?.unwrap_or_default();
        Ok(Branches { branches: listed.lines().map(str::to_owned).collect(), current: Some(current) })
    }

    /// From where HEAD is, and goes there.
    pub async fn create_branch(&self, request: Branch) -> GitResult<()> {
        let Branch { path, name } = request;
        let name = words::branch(&name)?;
        let place = self.at(&path).await?;
        let created = place.git(["checkout", "--quiet", "-b", name, "--"]).end().await?;
        if created.succeeded() {
            return Ok(());
        }
        if place.has_branch(name).await? {
            return Err(Failure::BranchExists.because(format!("branch {name:?} already exists")));
        }
        Err(place.failure(&created).await)
    }

    /// Whether or not its commits are elsewhere too; but not the one that is checked out.
    pub async fn delete_branch(&self, request: Branch) -> GitResult<()> {
        let Branch { path, name } = request;
        let name = words::branch(&name)?;
        let place = self.at(&path).await?;
        let deleted = place.git(["branch", "--quiet", "-D", "--", name]).end().await?;
        if deleted.succeeded() {
            return Ok(());
        }
        if place.has_branch(name).await? {
            return Err(
                Failure::Conflict.because(format!("branch {name:?} cannot be deleted: {}", deleted.stderr.trim()))
            );
        }
        match place.failure(&deleted).await {
            super::GitError::Failed(Failure::Internal, _) => Err(no_branch(name)),
            error => Err(error),
        }
    }

    /// A branch, also one that only a remote has, or a commit.
    pub async fn checkout(&self, request: Checkout) -> GitResult<()> {
        let Checkout { path, branch } = request;
        let branch = words::word("branch", &branch)?;
        let place = self.at(&path).await?;
        let checked_out = place.git(["checkout", "--quiet", branch, "--"]).end().await?;
        if checked_out.succeeded() {
            return Ok(());
        }
        if place.is_unmerged().await? {
            return Err(
                Failure::MergeConflict.because(format!("conflicts must be resolved before {branch:?} is checked out"))
            );
        }
        match place.failure(&checked_out).await {
            super::GitError::Failed(Failure::Internal | Failure::NotFound, _) if !place.has_commit(branch).await? => {
                Err(no_branch(branch))
            }
            error => Err(error),
        }
    }
}

/// What a caller reads who named one that is not there.
pub fn no_branch(name: &str) -> super::GitError {
    Failure::BranchNotFound.because(format!("no such branch: {name}"))
}
