//! Commits, newest first, as git finds them: a long history is never held as a whole.

use futures::stream::{Stream, try_unfold};
use paddock_wire::toolbox::git::CommitInfo;

use super::Git;
use super::error::{Failure, GitResult};
use super::program::Running;

/// Hash, author, email, time, message; each ends with a NUL, the last one by `-z`.
const FORMAT: &str = "--format=tformat:%H%x00%an%x00%ae%x00%aI%x00%B";
const FIELDS: usize = 5;
/// Of one commit.
const LONGEST: usize = 16 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// A history that is being read.
#[derive(Debug)]
pub struct History {
    /// None where there is no commit yet.
    running: Option<Running>,
    unread: Vec<u8>,
}

impl Git {
    /// From where HEAD is.
    pub async fn history(&self, path: &str) -> GitResult<History> {
        let place = self.at(path).await?;
        let head = place.ask(["rev-parse", "--verify", "--quiet", "HEAD"]).await?;
        let running = match head.code {
            0 => {
                let log = place.git(["log", "-z", FORMAT, "--encoding=UTF-8", "--no-show-signature", "--no-color"]);
                Some(log.args(["HEAD", "--"]).start().await?)
            }
            1 => None,
            _ => return Err(place.failure(&head).await),
        };
        Ok(History { running, unread: Vec::new() })
    }
}

impl History {
    /// Pieces of it. An error in the middle is the end.
    pub fn pieces(self) -> impl Stream<Item = GitResult<Vec<CommitInfo>>> {
        try_unfold(self, async |mut history| Ok(history.piece().await?.map(|piece| (piece, history))))
    }

    async fn piece(&mut self) -> GitResult<Option<Vec<CommitInfo>>> {
        let Some(running) = &mut self.running else { return Ok(None) };
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = running.read(&mut chunk).await?;
            if length == 0 {
                return Ok(None);
            }
            self.unread.extend_from_slice(&chunk[..length]);
            let commits = take_commits(&mut self.unread);
            if !commits.is_empty() {
                return Ok(Some(commits));
            }
            if self.unread.len() > LONGEST {
                return Err(Failure::Refused.because("a commit's message is too large"));
            }
        }
    }
}

/// All that are complete.
fn take_commits(unread: &mut Vec<u8>) -> Vec<CommitInfo> {
    let ends: Vec<usize> = memchr::memchr_iter(0, unread).collect();
    let (mut commits, mut done) = (Vec::new(), 0);
    for fields in ends.chunks_exact(FIELDS) {
        let end = fields[FIELDS - 1];
        let text = String::from_utf8_lossy(&unread[done..end]);
        let mut parts = text.splitn(FIELDS, '\0').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let (hash, author, email, timestamp) = (next(), next(), next(), next());
        let message = next().trim_end().to_owned();
        commits.push(CommitInfo { hash, author, email, message, timestamp });
        done = end + 1;
    }
    unread.drain(..done);
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_come_in_pieces() {
        let mut unread = b"h1\0me\0m@e\x002026\0one\n\ntwo\n\0h2\0".to_vec();
        let commits = take_commits(&mut unread);
        assert_eq!((commits.len(), commits[0].message.as_str()), (1, "one\n\ntwo"));
        assert_eq!(unread, b"h2\0");
        unread.extend_from_slice(b"\0\0\0\0");
        assert_eq!((take_commits(&mut unread)[0].hash.as_str(), unread.len()), ("h2", 0));
    }
}
