//! Add and commit.

use paddock_wire::toolbox::git::{Add, Commit, Committed};

use super::error::{Failure, GitResult};
use super::place::Place;
use super::program::Ended;
use super::{Git, failure, words};

impl Git {
    /// Files with all that happened to them, deleted ones too; no patterns.
    pub async fn add(&self, request: Add) -> GitResult<()> {
        let Add { path, files } = request;
        let files = words::files(&files)?;
        let place = self.at(&path).await?;
        place.git(["add", "--pathspec-from-file=-", "--pathspec-file-nul"]).stdin(files).succeed().await?;
        Ok(())
    }

    /// What is staged.
    pub async fn commit(&self, request: Commit) -> GitResult<Committed> {
        let Commit { path, message, author, email, allow_empty } = request;
        let (author, email) = (words::text("author", &author)?, words::text("email", &email)?);
        let message = words::text("message", &message)?;
        let place = self.at(&path).await?;
        let committed = place
            .git(["commit", "--quiet", "--file=-"])
            .flag(allow_empty, "--allow-empty")
            .env("GIT_AUTHOR_NAME", author)
            .env("GIT_AUTHOR_EMAIL", email)
            .env("GIT_COMMITTER_NAME", author)
            .env("GIT_COMMITTER_EMAIL", email)
            .stdin(message)
            .end()
            .await?;
        if !committed.succeeded() {
            return Err(place.commit_failure(&committed).await?);
        }
        let hash = place.git(["rev-parse", "HEAD"]).succeed().await?;
        Ok(Committed { hash: hash.trim_end().to_owned() })
    }
}

impl Place {
    async fn commit_failure(&self, ended: &Ended) -> GitResult<super::GitError> {
        if self.is_unmerged().await? {
            return Ok(Failure::MergeConflict.because("conflicts must be resolved before the commit"));
        }
        // Git has one exit code, 1, for an empty commit and for a hook that says no.
        if ended.code == 1 && failure::kind(&ended.stderr).is_none() {
            if self.ask(["diff", "--cached", "--quiet"]).await?.succeeded() {
                return Ok(Failure::Conflict.because("nothing to commit: no changes are staged"));
            }
            let said = failure::clean(&ended.stderr, &[]);
            return Ok(Failure::Refused.because(format!("a hook refused the commit: {said}")));
        }
        Ok(self.failure(ended).await)
    }
}
