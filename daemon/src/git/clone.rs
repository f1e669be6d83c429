//! Clone and init.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use paddock_wire::toolbox::git::{Clone, Init};
use tokio::task::spawn_blocking;

use super::error::{Failure, GitError, GitResult};
use super::place::Place;
use super::{Git, words};
use crate::files::place;

/// Where a clone came from.
const ORIGIN: &str = "origin";

impl Git {
    /// One branch, or one commit of it without a branch. What fails leaves nothing.
    pub async fn clone_repository(&self, request: Clone) -> GitResult<()> {
        let Clone { url, path, branch, commit_id, username, password, insecure_skip_tls, depth } = request;
        let (url, commit) = (words::word("url", &url)?, words::optional("commit", commit_id.as_deref())?);
        let branch = words::optional("branch", branch.as_deref())?;
        let depth = depth_of(depth)?;
        let target = place::resolve(&self.work_dir, &path)?;
        let mut place = self.anywhere().await?;
        place.log_in(url, username.as_deref(), password.as_deref())?;
        if insecure_skip_tls.unwrap_or_default() {
            place.set("http.sslVerify=false".to_owned());
        }
        let was_there = tokio::fs::symlink_metadata(&target).await.is_ok();
        place
            .git(["clone", "--quiet", "--single-branch", "--origin", ORIGIN])
            .flag(Some(commit.is_some()), "--no-checkout")
            .args(branch.map(|branch| format!("--branch={branch}")))
            .args(depth.map(|depth| format!("--depth={depth}")))
            .arg("--")
            .arg(url)
            .arg(&target)
            .succeed()
            .await?;
        let Some(commit) = commit else { return Ok(()) };
        let checked_out = place.moved_to(target.clone()).check_out_commit(commit, depth).await;
        if checked_out.is_err() {
            let _ = spawn_blocking(move || remove(&target, was_there)).await;
        }
        checked_out
    }

    /// A new repository; nothing happens to one that is there.
    pub async fn init(&self, request: Init) -> GitResult<()> {
        let Init { path, bare, initial_branch } = request;
        let branch = initial_branch.as_deref().filter(|name| !name.is_empty()).map(words::branch).transpose()?;
        let target: PathBuf = place::resolve(&self.work_dir, &path)?;
        let place = self.anywhere().await?;
        let init = place.git(["init", "--quiet"]).flag(bare, "--bare");
        init.args(branch.map(|name| format!("--initial-branch={name}"))).arg("--").arg(target).succeed().await?;
        Ok(())
    }
}

impl Place {
    /// A commit that the branch does not lead to may still be had by its whole name.
    async fn check_out_commit(&self, commit: &str, depth: Option<i64>) -> GitResult<()> {
        if !self.has_commit(commit).await? {
            let missing = || Failure::NotFound.because(format!("no such commit: {commit}"));
            if !is_object_name(commit) {
                return Err(missing());
            }
            let fetch = self.git(["fetch", "--quiet"]).args(depth.map(|depth| format!("--depth={depth}")));
            let fetched = fetch.args(["--", ORIGIN, commit]).succeed().await;
            fetched.map_err(|error| match error {
                GitError::Failed(Failure::Internal | Failure::BranchNotFound | Failure::Argument, _) => missing(),
                error => error,
            })?;
        }
        self.git(["checkout", "--quiet", "--detach", commit, "--"]).succeed().await?;
        Ok(())
    }
}

fn depth_of(depth: Option<i64>) -> GitResult<Option<i64>> {
    match depth.filter(|depth| *depth != 0) {
        Some(depth) if depth < 0 => Err(Failure::Argument.because("depth is a number of commits")),
        depth => Ok(depth),
    }
}

fn is_object_name(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_hexdigit())
}

/// An empty folder that was there before stays.
fn remove(target: &Path, was_there: bool) -> io::Result<()> {
    if !was_there {
        return fs::remove_dir_all(target);
    }
    for entry in fs::read_dir(target)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}
