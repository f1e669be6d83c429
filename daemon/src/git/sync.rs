//! Push and pull.

use paddock_wire::toolbox::git::{Pull, Push};

use super::branches::no_branch;
use super::error::{Failure, GitError, GitResult};
use super::place::Place;
use super::program::Ended;
use super::{Git, failure, words};

const ORIGIN: &str = "origin";

impl Git {
    /// One branch, to the same name.
    pub async fn push(&self, request: Push) -> GitResult<()> {
        let Push { path, username, password, branch, remote, set_upstream } = request;
        let branch = branch.as_deref().filter(|name| !name.is_empty()).map(words::branch).transpose()?;
        let remote = words::optional("remote", remote.as_deref())?.unwrap_or(ORIGIN);
        let mut place = self.at(&path).await?;
        let branch = match branch {
            Some(branch) => branch.to_owned(),
            None => place.current_branch().await?.ok_or_else(nameless)?,
        };
        let url = place.remote_url(remote, true).await?;
        place.log_in(&url, username.as_deref(), password.as_deref())?;
        let set_upstream = set_upstream.unwrap_or_default();
        let pushed = place
            .git(["push", "--porcelain", "--no-progress"])
            .flag(Some(set_upstream), "--set-upstream")
            .args(["--", remote])
            .arg(format!("refs/heads/{branch}:refs/heads/{branch}"))
            .end()
            .await?;
        if !pushed.succeeded() {
            return Err(place.push_failure(&pushed, &branch).await?);
        }
        if set_upstream {
            place.track(remote, &branch).await?;
        }
        Ok(())
    }

    /// Forward only: two histories are not merged.
    pub async fn pull(&self, request: Pull) -> GitResult<()> {
        let Pull { path, username, password, branch, remote } = request;
        let branch = branch.as_deref().filter(|name| !name.is_empty()).map(words::branch).transpose()?;
        let remote = words::optional("remote", remote.as_deref())?;
        let mut place = self.at(&path).await?;
        let (remote, reference) = place.pulled(remote, branch).await?;
        let url = place.remote_url(&remote, false).await?;
        place.log_in(&url, username.as_deref(), password.as_deref())?;
        place.git(["fetch", "--quiet", "--", &remote, &reference]).succeed().await?;
        let merged = place.git(["merge", "--quiet", "--ff-only", "FETCH_HEAD"]).end().await?;
        if merged.succeeded() {
            return Ok(());
        }
        if place.ask(["merge-base", "--is-ancestor", "HEAD", "FETCH_HEAD"]).await?.code == 1 {
            let message =
                format!("{reference} of {remote} and the local branch have both moved on: merge or rebase them");
            return Err(Failure::MergeConflict.because(message));
        }
        Err(place.failure(&merged).await)
    }
}

impl Place {
    /// What a caller wants pulled: remote and reference. What is not said comes from what the branch follows.
    async fn pulled(&self, remote: Option<&str>, branch: Option<&str>) -> GitResult<(String, String)> {
        if let Some(branch) = branch {
            return Ok((remote.unwrap_or(ORIGIN).to_owned(), format!("refs/heads/{branch}")));
        }
        let current = self.current_branch().await?.ok_or_else(nameless)?;
        let follows = async |what: &str| {
            let value = self.ask(["config", "-z", "--get", &format!("branch.{current}.{what}")]).await?;
            let value = value.stdout.trim_end_matches('\0');
            // A branch may follow one of its own repository.
            GitResult::Ok((!value.is_empty() && value != ".").then(|| value.to_owned()))
        };
        let (followed, reference) = (follows("remote").await?, follows("merge").await?);
        let same_name = format!("refs/heads/{current}");
        Ok(match (remote, followed, reference) {
            (None, Some(followed), Some(reference)) => (followed, reference),
            (Some(remote), Some(followed), Some(reference)) if remote == followed => (followed, reference),
            (remote, ..) => (remote.unwrap_or(ORIGIN).to_owned(), same_name),
        })
    }

    /// A clone of a single branch knows no other of the remote; one that is followed it has to know.
    async fn track(&self, remote: &str, branch: &str) -> GitResult<()> {
        let tracking = format!("refs/remotes/{remote}/{branch}");
        if !self.has_reference(&tracking).await? {
            self.git(["remote", "set-branches", "--add", "--", remote, branch]).succeed().await?;
            self.git(["update-ref", "--", &tracking, &format!("refs/heads/{branch}")]).succeed().await?;
        }
        Ok(())
    }

    /// The porcelain has a line with `!` for each reference that was refused, and says by whom.
    async fn push_failure(&self, ended: &Ended, branch: &str) -> GitResult<GitError> {
        let refused = ended.stdout.lines().find(|line| line.starts_with("!\t"));
        let Some(refused) = refused else {
            return Ok(match self.has_branch(branch).await? {
                true => self.failure(ended).await,
                false => no_branch(branch),
            });
        };
        let why = refused.rsplit('\t').next().unwrap_or(refused);
        let by_remote = why.starts_with("[remote rejected]");
        let kind = match why {
            // The same refusal, by a remote that looked itself.
            _ if by_remote && !why.contains("non-fast-forward") => Failure::RemoteRejected,
            _ if why.starts_with("[remote failure]") => Failure::Transport,
            _ => Failure::PushRejected,
        };
        let said = self.clean(&ended.stderr);
        Ok(kind.because(format!("{branch}: {why}\n{said}").trim_end()))
    }

    fn clean(&self, stderr: &str) -> String {
        failure::clean(stderr, self.secrets())
    }
}

fn nameless() -> GitError {
    Failure::Argument.because("HEAD is no branch: name the one that is meant")
}
