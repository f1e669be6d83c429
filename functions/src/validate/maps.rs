//! Labels and environment variables.

use std::collections::BTreeMap;

/// Keys and values together. An item may hold 400 KB, and labels are read with every list.
const MAX_LABELS: usize = 16 * 1024;

/// Names and values together: sealed, they travel in one queue message of at most 256 KiB.
const MAX_ENV: usize = 48 * 1024;

/// Prefix of the variables that the agent sets itself; see data-plane §3.3.
const RESERVED_PREFIX: &str = "DAYTONA_SANDBOX_";

/// What the agent tells the daemon: with other values the sandbox would never be ready.
const RESERVED_NAMES: [&str; 2] = ["PADDOCK_DAEMON_PORT", "PADDOCK_READY_SOCKET"];

/// Labels: any text, not too much of it.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if labels.keys().any(String::is_empty) {
        return Err("must not contain an empty key".to_owned());
    }
    if has_nul(labels) {
        return Err("must not contain NUL".to_owned());
    }
    check_size(labels, MAX_LABELS)
}

/// Environment: what a process can be given.
pub fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    if let Some(name) = env.keys().find(|name| name.is_empty() || name.contains('=')) {
        return Err(format!("has the impossible variable name {name:?}"));
    }
    if has_nul(env) {
        return Err("must not contain NUL".to_owned());
    }
    if let Some(name) = env.keys().find(|name| is_reserved(name)) {
        return Err(format!("must not set {name}, which the sandbox sets itself"));
    }
    check_size(env, MAX_ENV)
}

fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED_PREFIX) || RESERVED_NAMES.contains(&name)
}

fn has_nul(map: &BTreeMap<String, String>) -> bool {
    map.iter().any(|(key, value)| key.contains('\0') || value.contains('\0'))
}

fn check_size(map: &BTreeMap<String, String>, limit: usize) -> Result<(), String> {
    let size: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > limit { Err(format!("must not exceed {limit} bytes in all")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn what_no_process_can_be_given_is_refused() {
        assert_eq!(check_env(&map("A", "=\n ü")), Ok(()));
        let reserved = [("DAYTONA_SANDBOX_ID", "x"), ("PADDOCK_DAEMON_PORT", "81")];
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")].into_iter().chain(reserved) {
            assert!(check_env(&map(name, value)).is_err(), "{name:?}");
        }
        assert!(check_env(&map("A", &"x".repeat(MAX_ENV))).is_err());
    }

    #[test]
    fn labels_are_any_text_within_bounds() {
        assert_eq!(check_labels(&map("a=b/ü", "")), Ok(()));
        assert!(check_labels(&map("", "x")).is_err());
        assert!(check_labels(&map("a", "\0")).is_err());
        assert!(check_labels(&map("a", &"x".repeat(MAX_LABELS))).is_err());
    }
}
