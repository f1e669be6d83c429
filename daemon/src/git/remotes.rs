//! Remotes.

use paddock_wire::toolbox::git::{AddRemote, Remote, Remotes};

use super::error::{Failure, GitResult};
use super::place::Place;
use super::{Git, words};

/// `git remote add` of one that is there.
const EXISTS: i32 = 3;
/// `git config --unset` of what is not set.
const NOT_SET: i32 = 5;

impl Git {
    /// With the first URL of each.
    pub async fn remotes(&self, path: &str) -> GitResult<Remotes> {
        let place = self.at(path).await?;
        let settings = place.ask(["config", "--local", "-z", "--get-regexp", r"^remote\..*\.url$"]).await?;
        // 1: there are none.
        if !settings.succeeded() && (settings.code != 1 || !settings.stderr.is_empty()) {
            return Err(place.failure(&settings).await);
        }
        let mut remotes: Vec<Remote> = Vec::new();
        for (name, url) in settings.stdout.split('\0').filter_map(remote) {
            if !remotes.iter().any(|known| known.name == name) {
                remotes.push(Remote { name: name.to_owned(), url: url.to_owned() });
            }
        }
        remotes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Remotes { remotes })
    }

    /// A new one, or another URL for one that is there.
    pub async fn add_remote(&self, request: AddRemote) -> GitResult<()> {
        let AddRemote { path, name, url, fetch, overwrite } = request;
        let (name, url) = (words::word("name", &name)?, words::word("url", &url)?);
        let mut place = self.at(&path).await?;
        place.log_in(url, None, None)?;
        let added = place.git(["remote", "add", "--", name, url]).end().await?;
        match (added.code, overwrite.unwrap_or_default()) {
            (0, _) => {}
            (EXISTS, true) => place.overwrite_remote(name, url).await?,
            (EXISTS, false) => return Err(Failure::Conflict.because(format!("remote {name:?} already exists"))),
            _ => return Err(place.failure(&added).await),
        }
        if fetch.unwrap_or_default() {
            place.git(["fetch", "--quiet", "--", name]).succeed().await?;
        }
        Ok(())
    }
}

impl Place {
    /// All it had, so that nothing goes to the old place any more.
    async fn overwrite_remote(&self, name: &str, url: &str) -> GitResult<()> {
        let key = |what: &str| format!("remote.{name}.{what}");
        self.git(["config", "--local", "--replace-all", &key("url"), url]).succeed().await?;
        let unset = self.ask(["config", "--local", "--unset-all", &key("pushurl")]).await?;
        match unset.code {
            0 | NOT_SET => Ok(()),
            _ => Err(self.failure(&unset).await),
        }
    }

    /// Where a remote is. Git would take a name that it does not know for a path or URL.
    pub async fn remote_url(&self, name: &str, to_push: bool) -> GitResult<String> {
        let url = self.git(["remote", "get-url"]).flag(Some(to_push), "--push").args(["--", name]).end().await?;
        if url.succeeded() {
            return Ok(url.stdout.trim_end().to_owned());
        }
        match self.failure(&url).await {
            super::GitError::Failed(Failure::RepositoryNotFound, message) => {
                Err(Failure::RepositoryNotFound.because(message))
            }
            _ => Err(Failure::NotFound.because(format!("no such remote: {name}"))),
        }
    }
}

/// Out of `remote.<name>.url`, a newline, and the URL.
fn remote(setting: &str) -> Option<(&str, &str)> {
    let (key, url) = setting.split_once('\n')?;
    Some((key.strip_prefix("remote.")?.strip_suffix(".url")?, url))
}
