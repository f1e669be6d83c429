//! From git's English (it runs without a translation) to a kind of failure. Git tells most failures by exit code 128 alone;
//! what it tells otherwise is asked for where the operation is.

use super::error::Failure;

/// Of git's words a caller gets the end.
const LONGEST_MESSAGE: usize = 8 * 1024;

/// The first that is found decides.
const SAID: [(&str, Failure); 62] = [
    ("Authentication failed for", Failure::AuthenticationFailed),
    ("could not read Username", Failure::AuthenticationFailed),
    ("could not read Password", Failure::AuthenticationFailed),
    ("terminal prompts disabled", Failure::AuthenticationFailed),
    ("returned error: 401", Failure::AuthenticationFailed),
    ("Permission denied (publickey", Failure::AuthenticationFailed),
    ("returned error: 403", Failure::Forbidden),
    ("returned error: 404", Failure::RepositoryNotFound),
    ("does not appear to be a git repository", Failure::RepositoryNotFound),
    ("Repository not found", Failure::RepositoryNotFound),
    ("not a git repository", Failure::RepositoryNotFound),
    ("can only be used inside a git repository", Failure::RepositoryNotFound),
    ("not found in upstream", Failure::BranchNotFound),
    ("find remote ref", Failure::BranchNotFound),
    ("unable to find remote helper", Failure::NotInstalled),
    ("cannot run ssh", Failure::NotInstalled),
    ("is not a git command", Failure::NotInstalled),
    ("unknown option", Failure::NotInstalled),
    ("not allowed", Failure::Argument),
    ("is outside repository", Failure::Argument),
    ("outside of the repository", Failure::Argument),
    ("is not a valid remote name", Failure::Argument),
    ("not a valid branch name", Failure::Argument),
    ("invalid initial branch name", Failure::Argument),
    ("ignored by one of your .gitignore files", Failure::Argument),
    ("must be run in a work tree", Failure::Argument),
    ("beyond a symbolic link", Failure::Argument),
    ("strange hostname", Failure::Argument),
    ("strange pathname", Failure::Argument),
    ("already exists and is not an empty directory", Failure::Conflict),
    ("already exists and is not a directory", Failure::Conflict),
    ("File exists", Failure::Conflict),
    ("could not lock config file", Failure::Conflict),
    ("would be overwritten by", Failure::DirtyWorktree),
    ("commit your changes or stash them", Failure::DirtyWorktree),
    ("not uptodate", Failure::DirtyWorktree),
    ("Not possible to fast-forward", Failure::MergeConflict),
    ("unrelated histories", Failure::MergeConflict),
    ("resolve your current index first", Failure::MergeConflict),
    ("unmerged", Failure::MergeConflict),
    ("in the middle of a merge", Failure::MergeConflict),
    ("not concluded your merge", Failure::MergeConflict),
    ("CONFLICT (", Failure::MergeConflict),
    ("did not match any file", Failure::FileNotFound),
    ("could not resolve", Failure::NotFound),
    ("ambiguous argument", Failure::NotFound),
    ("invalid reference", Failure::NotFound),
    ("Could not resolve host", Failure::Transport),
    ("unable to access '", Failure::Transport),
    ("unable to connect to", Failure::Transport),
    ("unable to look up", Failure::Transport),
    ("Could not read from remote repository", Failure::Transport),
    ("Host key verification failed", Failure::Transport),
    ("Connection refused", Failure::Transport),
    ("Connection timed out", Failure::Transport),
    ("hung up", Failure::Transport),
    ("early EOF", Failure::Transport),
    ("RPC failed", Failure::Transport),
    ("Out of memory", Failure::Internal),
    ("insufficient permission", Failure::Forbidden),
    ("Permission denied", Failure::Forbidden),
    ("Read-only file system", Failure::Forbidden),
];

/// None when nothing is known by it.
pub fn kind(stderr: &str) -> Option<Failure> {
    let own = own_words(stderr);
    // The lock that could not be taken because the folder is not ours.
    if own.contains("could not lock config file") && (own.contains("denied") || own.contains("Read-only")) {
        return Some(Failure::Forbidden);
    }
    // Both name the repository between quotes.
    if own.contains("repository '") && (own.contains("' not found") || own.contains("' does not exist")) {
        return Some(Failure::RepositoryNotFound);
    }
    SAID.iter().find(|(words, _)| own.contains(words)).map(|(_, kind)| *kind)
}

/// For the caller: without advice for a terminal, without what must not be told.
pub fn clean(stderr: &str, secrets: &[String]) -> String {
    let lines = stderr.lines().filter(|line| !line.starts_with("hint:") && !line.trim().is_empty());
    // A progress line rewrites itself.
    let lines: Vec<&str> = lines.map(|line| line.rsplit('\r').next().unwrap_or(line).trim_end()).collect();
    let mut text = lines.join("\n");
    for secret in secrets {
        text = text.replace(secret.as_str(), "***");
    }
    let start = text.ceil_char_boundary(text.len().saturating_sub(LONGEST_MESSAGE));
    text.split_off(start)
}

/// Without what the remote says: it may say anything.
fn own_words(stderr: &str) -> String {
    let lines = stderr.lines().filter(|line| !line.trim_start().starts_with("remote:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_found_decides() {
        let both = "remote: Permission denied (publickey).\nfatal: unable to access 'https://h/': The requested URL returned error: 403\n";
        assert_eq!(kind(both), Some(Failure::Forbidden));
        assert_eq!(kind("fatal: repository 'http://h/x/' not found"), Some(Failure::RepositoryNotFound));
        assert_eq!(
            kind("error: could not lock config file /etc/gitconfig: Permission denied"),
            Some(Failure::Forbidden)
        );
        assert_eq!(kind("error: could not lock config file .git/config: File exists"), Some(Failure::Conflict));
        assert_eq!(kind("anything else"), None);
    }

    #[test]
    fn no_advice_and_no_secrets() {
        let said = "hint: try this\nCloning: 10%\rCloning: 20%\n\nfatal: https://me:word@host/ failed\n";
        assert_eq!(clean(said, &["word".to_owned()]), "Cloning: 20%\nfatal: https://me:***@host/ failed");
        assert!(clean(&"ä".repeat(10_000), &[]).len() <= LONGEST_MESSAGE);
    }
}
