//! The variables that spawned processes get. Kept apart from the daemon's own process environment,
//! which cannot be changed safely while threads run.
//!
//! * [`kept`] how changes survive the server

mod kept;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::sync::{PoisonError, RwLock};

use paddock_wire::toolbox::info::EnvChange;
use thiserror::Error;
use tracing::warn;

use crate::config::PRIVATE;

/// Variables, sorted by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// The sandbox's environment.
#[derive(Debug)]
pub struct Environment {
    variables: RwLock<Variables>,
    /// Where changes are written for the next server, if there will be one.
    keeper: Option<File>,
}

/// A variable that no process could be given.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadVariable {
    #[error("invalid environment variable name: {0:?}")]
    Name(String),
    #[error("the value of environment variable {0} contains a NUL byte")]
    Value(String),
}

impl Environment {
    /// What this process was started with, less what the runner said only to the daemon.
    pub fn inherited() -> Self {
        Self::new(std::env::vars_os().filter(|(name, _)| !is_private(name)).collect())
    }

    /// These variables.
    pub fn new(variables: Variables) -> Self {
        Self { variables: RwLock::new(variables), keeper: None }
    }

    /// What an earlier server left in the file, else as inherited; changes go there.
    pub fn kept_in(keeper: File) -> Self {
        let environment = kept::read(&keeper).map_or_else(Self::inherited, Self::new);
        Self { keeper: Some(keeper), ..environment }
    }

    /// A copy of all.
    pub fn all(&self) -> Variables {
        self.variables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All, and over them `extra`, whose names must be names to a shell as well.
    pub fn with(&self, extra: &BTreeMap<String, String>) -> Result<Variables, BadVariable> {
        check(extra, is_identifier)?;
        let mut all = self.all();
        all.extend(extra.iter().map(|(name, value)| (name.into(), value.into())));
        Ok(all)
    }

    /// Applies a change as a whole or, when a variable is bad, not at all. Returns the result.
    pub fn change(&self, change: &EnvChange) -> Result<Variables, BadVariable> {
        let empty = BTreeMap::new();
        let set = change.set.as_ref().unwrap_or(&empty);
        // Any name that the container could have been created with: a claimed sandbox gets its variables here.
        check(set, is_possible)?;
        let mut variables = self.variables.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(prefix) = change.unset_value_prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            variables.retain(|name, value| {
                let kept = name.to_str().is_some_and(|name| set.contains_key(name));
                kept || !value.as_encoded_bytes().starts_with(prefix.as_bytes())
            });
        }
        for name in change.unset.iter().flatten() {
            variables.remove(&OsString::from(name));
        }
        variables.extend(set.iter().map(|(name, value)| (name.into(), value.into())));
        if let Some(keeper) = &self.keeper
            && let Err(error) = kept::write(keeper, &variables)
        {
            warn!(%error, "a change of the environment would not survive this server");
        }
        Ok(variables.clone())
    }
}

fn check(variables: &BTreeMap<String, String>, is_allowed: fn(&str) -> bool) -> Result<(), BadVariable> {
    for (name, value) in variables {
        if !is_allowed(name) {
            return Err(BadVariable::Name(name.chars().take(100).collect()));
        }
        if value.contains('\0') {
            return Err(BadVariable::Value(name.clone()));
        }
    }
    Ok(())
}

/// What a process can be given.
fn is_possible(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// What a shell takes for a name; the wire wants no other for a single run.
fn is_identifier(name: &str) -> bool {
    let mut letters = name.bytes();
    let first = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == b'_');
    first && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}

fn is_private(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| PRIVATE.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn prefix_then_unset_then_set() {
        let environment = environment(&[("A", "old-1"), ("B", "old-2"), ("C", "new"), ("D", "d")]);
        let result = environment
            .change(&EnvChange {
                set: Some(map(&[("A", "changed"), ("D", "again")])),
                unset: Some(vec!["C".into(), "D".into(), "none".into()]),
                unset_value_prefix: Some("old-".into()),
            })
            .expect("all names are fine");
        let expected: Variables = [("A", "changed"), ("D", "again")].map(|(n, v)| (n.into(), v.into())).into();
        assert_eq!(result, expected);
        assert_eq!(environment.all(), expected);
    }

    #[test]
    fn a_bad_variable_changes_nothing() {
        let environment = environment(&[("A", "1")]);
        for bad in ["", "A=B", "A\0"] {
            let change = EnvChange {
                set: Some(map(&[("OK", "1"), (bad, "x")])),
                unset: Some(vec!["A".into()]),
                ..Default::default()
            };
            assert_eq!(environment.change(&change), Err(BadVariable::Name(bad.to_owned())));
        }
        assert_eq!(environment.with(&map(&[("A", "a\0b")])), Err(BadVariable::Value("A".to_owned())));
        assert_eq!(environment.all().len(), 1);
    }

    #[test]
    fn names_that_are_none_to_a_shell() {
        let environment = environment(&[]);
        let odd = map(&[("my-var", "1"), ("spring.url", "2"), ("1A", "3"), ("Ä", "4")]);
        let change = EnvChange { set: Some(odd.clone()), ..Default::default() };
        assert_eq!(environment.change(&change).expect("a container can have them").len(), 4);
        assert_eq!(environment.with(&map(&[("A", "a")])).expect("they are no hindrance").len(), 5);
        for name in odd.into_keys() {
            assert_eq!(environment.with(&map(&[(name.as_str(), "x")])), Err(BadVariable::Name(name)));
        }
    }

    #[test]
    fn only_the_runners_own_names_are_hidden() {
        assert!(is_private(OsStr::new("PADDOCK_READY_SOCKET")) && is_private(OsStr::new("PADDOCK_DAEMON_PORT")));
        assert!(!is_private(OsStr::new("PADDOCK_TOKEN")) && !is_private(OsStr::new("PADDOCK_")));
    }
}
