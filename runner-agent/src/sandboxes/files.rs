//! The few files of the host that are seen in a sandbox. Hosts, host name and resolver come from us because a
//! container that joins a network namespace would get those of its pause container.
//!
//! All of them are read-only inside. Docker lets a container write its `/etc/hosts`; here that file lies on the host's
//! own disk, outside every limit of the sandbox, so that one line repeated for ever would fill it for all.

use std::{
    collections::HashSet,
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::{
    blocking,
    engine::{DAEMON_PATH, Mount},
    readiness::INSIDE_DIR,
};

/// Directories of all sandboxes of this runner.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
    daemon: PathBuf,
    resolver: Ipv4Addr,
}

impl Files {
    /// Under the state directory; `resolver` is the host's address on the sandboxes' network.
    #[must_use]
    pub fn new(state_dir: &Path, daemon: &Path, resolver: Ipv4Addr) -> Self {
        Self { root: state_dir.join("s"), daemon: daemon.to_owned(), resolver }
    }

    /// The directory of a sandbox's readiness socket.
    #[must_use]
    pub fn door_dir(&self, sandbox: Uuid) -> PathBuf {
        self.dir(sandbox).join("run")
    }

    /// Writes the files and says where each is to be seen.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, sandbox: Uuid, address: Ipv4Addr) -> io::Result<Vec<Mount>> {
        let dir = self.dir(sandbox);
        fs::create_dir_all(self.door_dir(sandbox))?;
        let etc = [
            ("hosts", format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n{address}\t{sandbox}\n")),
            ("hostname", format!("{sandbox}\n")),
            ("resolv.conf", format!("nameserver {}\n", self.resolver)),
        ];
        let mut mounts = vec![mount(self.daemon.clone(), DAEMON_PATH), mount(self.door_dir(sandbox), INSIDE_DIR)];
        for (name, content) in etc {
            fs::write(dir.join(name), content)?;
            mounts.push(mount(dir.join(name), &format!("/etc/{name}")));
        }
        Ok(mounts)
    }

    /// Forgets a sandbox.
    ///
    /// # Errors
    /// When its directory cannot be removed.
    pub async fn remove(&self, sandbox: Uuid) -> io::Result<()> {
        let dir = self.dir(sandbox);
        match blocking::run(move || fs::remove_dir_all(dir)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes what belongs to no sandbox: left by an agent that died in the middle of something.
    pub async fn sweep(&self, known: &HashSet<Uuid>) {
        let entries = fs::read_dir(&self.root).into_iter().flatten().filter_map(Result::ok);
        for entry in entries {
            let sandbox = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(sandbox) = sandbox.filter(|sandbox| !known.contains(sandbox)) {
                tracing::info!(%sandbox, "removing the directory of a sandbox that is not here");
                if let Err(error) = self.remove(sandbox).await {
                    tracing::warn!(%sandbox, %error, "cannot remove it");
                }
            }
        }
    }

    fn dir(&self, sandbox: Uuid) -> PathBuf {
        self.root.join(sandbox.to_string())
    }
}

fn mount(source: PathBuf, target: &str) -> Mount {
    Mount { source, target: target.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn directories_of_strangers_are_swept_and_others_stay() {
        let state = tempfile::tempdir().unwrap();
        let files = Files::new(state.path(), Path::new("/daemon"), Ipv4Addr::LOCALHOST);
        let (known, stranger) = (Uuid::new_v4(), Uuid::new_v4());
        for sandbox in [known, stranger] {
            files.write(sandbox, Ipv4Addr::LOCALHOST).unwrap();
        }
        files.sweep(&HashSet::from([known])).await;
        assert!(files.door_dir(known).exists());
        assert!(!files.door_dir(stranger).exists());
    }
}
