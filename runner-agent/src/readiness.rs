//! Where a sandbox's daemon says that it is ready: a unix socket of the agent, seen inside by a read-only mount.
//!
//! Anyone in the sandbox may knock; a knock only makes the agent look at that same sandbox again.

use std::{fs, io, os::fd::AsRawFd, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    net::{UnixListener, UnixStream},
    sync::watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where the directory of the socket is seen inside.
pub const INSIDE_DIR: &str = "/run/paddock";
/// Name of the socket in it.
pub const SOCKET_NAME: &str = "ready.sock";
/// A knock is one short line at once; who dawdles is no daemon.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST_LINE: u64 = 1024;
/// Each knock costs the owner a turn, so a sandbox may not have as many as it likes.
const BETWEEN_KNOCKS: Duration = Duration::from_millis(20);
const LONGEST_VERSION: usize = 64;

/// What the daemon said last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// How often it said so: a change means a new server process.
    pub count: u64,
    /// Its version, if it may be one.
    pub version: Option<String>,
}

/// A listener; it ends when this is dropped.
pub struct ReadyDoor {
    /// Changes with each knock.
    pub knocks: watch::Receiver<Readiness>,
    _stops: DropGuard,
}

#[derive(Deserialize)]
struct Knock {
    version: String,
}

/// A daemon's word on its version, which goes into reports: what could not be one is unknown.
#[must_use]
pub fn known_version(said: &str) -> Option<String> {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    ((1..=LONGEST_VERSION).contains(&said.len()) && said.bytes().all(may_be)).then(|| said.to_owned())
}

impl ReadyDoor {
    /// Listens in `dir`, which is made if needed. A socket left by an earlier agent is replaced: the directory
    /// stays the same one, so a running sandbox sees the new socket.
    ///
    /// # Errors
    /// When directory or socket cannot be made.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let listener = bind(dir)?;
        let (sender, knocks) = watch::channel(Readiness::default());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = answer(listener, sender) => (),
                () = stopped.cancelled() => (),
            }
        });
        Ok(Self { knocks, _stops: stop.drop_guard() })
    }
}

fn bind(dir: &Path) -> io::Result<UnixListener> {
    let path = dir.join(SOCKET_NAME);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    // A socket's path may have 107 bytes; by way of the open directory any state directory is short enough.
    let opened = fs::File::open(dir)?;
    let short = format!("/proc/self/fd/{}/{SOCKET_NAME}", opened.as_raw_fd());
    let listener = UnixListener::bind(short)?;
    // The daemon runs as the image's user.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

async fn answer(listener: UnixListener, sender: watch::Sender<Readiness>) {
    loop {
        match listener.accept().await {
            // One at a time: a sandbox that opens thousands of connections delays only its own readiness.
            Ok((stream, _)) => {
                if let Ok(Some(knock)) = tokio::time::timeout(KNOCK_TIMEOUT, read_knock(stream)).await {
                    sender.send_modify(|readiness| {
                        readiness.count += 1;
                        readiness.version = known_version(&knock.version);
                    });
                }
                tokio::time::sleep(BETWEEN_KNOCKS).await;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a daemon's knock");
                tokio::time::sleep(KNOCK_TIMEOUT).await;
            }
        }
    }
}

async fn read_knock(stream: UnixStream) -> Option<Knock> {
    let mut line = Vec::new();
    stream.take(LONGEST_LINE).read_to_end(&mut line).await.ok()?;
    serde_json::from_slice(&line).ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn knock(path: &Path, line: &[u8]) {
        let mut stream = UnixStream::connect(path).await.unwrap();
        stream.write_all(line).await.unwrap();
    }

    #[tokio::test]
    async fn a_knock_is_seen_even_under_a_path_too_long_for_a_socket() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("d".repeat(120));
        let mut door = ReadyDoor::open(&dir).unwrap();
        let link = root.path().join("s");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        knock(&link.join(SOCKET_NAME), b"not json\n").await;
        knock(&link.join(SOCKET_NAME), b"{\"version\":\"1.2\"}\n").await;
        door.knocks.changed().await.unwrap();
        assert_eq!(*door.knocks.borrow_and_update(), Readiness { count: 1, version: Some("1.2".to_owned()) });
    }

    #[test]
    fn what_a_tenant_says_is_no_version_unless_it_looks_like_one() {
        assert_eq!(known_version("0.226.1-rc.1+x86"), Some("0.226.1-rc.1+x86".to_owned()));
        for said in ["", "1.0 <script>", "1\n", "é", &"1".repeat(LONGEST_VERSION + 1)] {
            assert_eq!(known_version(said), None, "{said}");
        }
    }

    #[tokio::test]
    async fn a_new_agent_takes_over_the_door_of_an_old_one() {
        let dir = tempfile::tempdir().unwrap();
        drop(ReadyDoor::open(dir.path()).unwrap());
        let mut door = ReadyDoor::open(dir.path()).unwrap();
        knock(&dir.path().join(SOCKET_NAME), b"{\"version\":\"2\"}\n").await;
        door.knocks.changed().await.unwrap();
        assert_eq!(door.knocks.borrow().count, 1);
    }
}
