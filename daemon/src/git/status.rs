//! What changed.

use paddock_wire::toolbox::git::{Change, FileStatus, Status};

use super::Git;
use super::error::GitResult;
use super::place::Place;

/// What git itself calls it where a name is expected.
const DETACHED: &str = "HEAD";

impl Git {
    /// Of the whole repository; each untracked file for itself.
    pub async fn status(&self, path: &str) -> GitResult<Status> {
        let place = self.at(path).await?;
        let porcelain = ["status", "--porcelain=v2", "-z", "--branch", "--ahead-behind", "--untracked-files=all"];
        let mut status = parse(&place.git(porcelain).succeed().await?);
        if status.branch_published == Some(false) && status.detached == Some(false) {
            place.compare_with_origin(&mut status).await?;
        }
        Ok(status)
    }
}

impl Place {
    /// A branch that follows none may have been pushed all the same.
    async fn compare_with_origin(&self, status: &mut Status) -> GitResult<()> {
        let origin = format!("refs/remotes/origin/{}", status.current_branch);
        if !self.has_reference(&origin).await? {
            return Ok(());
        }
        status.branch_published = Some(true);
        let counted = self.ask(["rev-list", "--left-right", "--count", &format!("HEAD...{origin}"), "--"]).await?;
        let mut counts = counted.stdout.split_whitespace().map(|count| count.parse().unwrap_or_default());
        (status.ahead, status.behind) =
            (Some(counts.next().unwrap_or_default()), Some(counts.next().unwrap_or_default()));
        Ok(())
    }
}

/// Out of `--porcelain=v2 -z --branch`: lines about the branch, then one for each file.
fn parse(porcelain: &str) -> Status {
    let mut status = Status {
        branch_published: Some(false),
        ahead: Some(0),
        behind: Some(0),
        upstream: Some(String::new()),
        detached: Some(false),
        ..Status::default()
    };
    let mut lines = porcelain.split('\0');
    while let Some(line) = lines.next() {
        match line.split_once(' ') {
            Some(("#", about)) => about_branch(about, &mut status),
            Some(("1", file)) => status.file_status.extend(changed(file, 7, String::new())),
            // The old name is a line of its own.
            Some(("2", file)) => {
                let old = lines.next().unwrap_or_default();
                status.file_status.extend(changed(file, 8, old.to_owned()));
            }
            Some(("u", file)) => {
                status.file_status.extend(file.splitn(10, ' ').nth(9).map(|name| both(name, Change::Unmerged)))
            }
            Some(("?", name)) => status.file_status.push(both(name, Change::Untracked)),
            _ => {}
        }
    }
    status
}

fn about_branch(line: &str, status: &mut Status) {
    match line.split_once(' ') {
        Some(("branch.head", "(detached)")) => {
            status.current_branch = DETACHED.to_owned();
            status.detached = Some(true);
        }
        Some(("branch.head", name)) => status.current_branch = name.to_owned(),
        Some(("branch.upstream", name)) => status.upstream = Some(name.to_owned()),
        // Only when the upstream is there.
        Some(("branch.ab", counts)) => {
            let mut counts =
                counts.split(' ').map(|count| count.get(1..).and_then(|count| count.parse().ok()).unwrap_or_default());
            (status.ahead, status.behind) = (counts.next(), counts.next());
            status.branch_published = Some(true);
        }
        _ => {}
    }
}

/// Two letters, fields that nobody asks for, the name.
fn changed(line: &str, fields_before: usize, extra: String) -> Option<FileStatus> {
    let mut letters = line.chars();
    let (staging, worktree) = (change(letters.next()?), change(letters.next()?));
    let name = line.splitn(fields_before + 1, ' ').nth(fields_before)?.to_owned();
    Some(FileStatus { name, extra, staging, worktree })
}

fn both(name: &str, change: Change) -> FileStatus {
    FileStatus { name: name.to_owned(), extra: String::new(), staging: change, worktree: change }
}

fn change(letter: char) -> Change {
    match letter {
        'A' => Change::Added,
        'D' => Change::Deleted,
        'R' => Change::Renamed,
        'C' => Change::Copied,
        'U' => Change::Unmerged,
        '.' => Change::Unmodified,
        // M, and T for a file that became a link or the like.
        _ => Change::Modified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "N... 100644 100644 100644 0 0";

    #[test]
    fn branch_lines() {
        let status = parse("# branch.oid abc\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +2 -1\0");
        assert_eq!((status.current_branch.as_str(), status.upstream.as_deref()), ("main", Some("origin/main")));
        assert_eq!((status.ahead, status.behind, status.branch_published), (Some(2), Some(1), Some(true)));
        let gone = parse("# branch.head main\0# branch.upstream origin/main\0");
        assert_eq!((gone.branch_published, gone.ahead), (Some(false), Some(0)));
        let detached = parse("# branch.oid abc\0# branch.head (detached)\0");
        assert_eq!((detached.current_branch.as_str(), detached.detached), ("HEAD", Some(true)));
    }

    #[test]
    fn names_of_any_letters() {
        let porcelain = format!(
            "1 .M {ZEROS} a b\nc\x002 R. {ZEROS} R100 new name\0old\tname\0u UU N... 1 2 3 4 a b c in two\0? # branch.head x\0"
        );
        let files = parse(&porcelain).file_status;
        let told: Vec<_> =
            files.iter().map(|file| (file.name.as_str(), file.extra.as_str(), file.staging, file.worktree)).collect();
        assert_eq!(
            told,
            [
                ("a b\nc", "", Change::Unmodified, Change::Modified),
                ("new name", "old\tname", Change::Renamed, Change::Unmodified),
                ("in two", "", Change::Unmerged, Change::Unmerged),
                ("# branch.head x", "", Change::Untracked, Change::Untracked),
            ]
        );
    }
}
