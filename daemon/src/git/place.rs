//! Git in a directory.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::{Failure, GitResult};
use super::program::{self, Ended, Run, Running};
use super::{Git, failure};
use crate::environment::Variables;
use crate::files::{FileError, place};
use crate::process::output::OutputBudget;

/// They would lead git to another repository than the one that the caller names.
const MISLEADING: [&str; 9] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
    "LANGUAGE",
];

/// For every run. The caller names the repository, so its owner does not matter; a mere look takes no lock that the agent's
/// own git would run into.
const ALWAYS: [&str; 5] = ["--no-pager", "--no-optional-locks", "--literal-pathspecs", "-c", "safe.directory=*"];

/// Git, ready to run in a directory.
#[derive(Debug)]
pub struct Place {
    program: PathBuf,
    directory: PathBuf,
    variables: Variables,
    budget: OutputBudget,
    /// `-c` and its argument, for the whole request.
    settings: Vec<String>,
    /// Said by the caller, not to be said by us.
    secrets: Vec<String>,
}

/// A run in the making.
#[derive(Debug)]
pub struct Command<'a> {
    place: &'a Place,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    stdin: Vec<u8>,
}

impl Git {
    /// In a caller's repository.
    pub async fn at(&self, path: &str) -> GitResult<Place> {
        let directory = place::resolve(&self.work_dir, path)?;
        match tokio::fs::metadata(&directory).await {
            Ok(found) if found.is_dir() => self.in_directory(directory),
            Ok(_) => Err(no_repository(&directory)),
            Err(error) => Err(match FileError::of(&directory, error) {
                FileError::NotFound(_) => no_repository(&directory),
                error => error.into(),
            }),
        }
    }

    /// Where no repository is needed.
    pub async fn anywhere(&self) -> GitResult<Place> {
        let is_there = tokio::fs::metadata(&self.work_dir).await.is_ok_and(|found| found.is_dir());
        self.in_directory(if is_there { self.work_dir.clone() } else { PathBuf::from("/") })
    }

    fn in_directory(&self, directory: PathBuf) -> GitResult<Place> {
        let mut variables = self.environment.all();
        let program = program::find(&variables, "git").ok_or_else(|| {
            Failure::NotInstalled.because("git is not installed in this sandbox; its image needs the package git")
        })?;
        for name in MISLEADING {
            variables.remove(OsStr::new(name));
        }
        // English from git, and still the sandbox's own characters for hooks and filters.
        if let Some(locale) = variables.remove(OsStr::new("LC_ALL")) {
            variables.insert("LC_CTYPE".into(), locale);
        }
        variables.insert("LC_MESSAGES".into(), "C".into());
        variables.insert("GIT_TERMINAL_PROMPT".into(), "0".into());
        variables.entry("HOME".into()).or_insert_with(|| self.home.clone().into());
        Ok(Place {
            program,
            directory,
            variables,
            budget: self.budget.clone(),
            settings: Vec::new(),
            secrets: Vec::new(),
        })
    }
}

fn no_repository(directory: &Path) -> super::GitError {
    Failure::RepositoryNotFound.because(format!("no git repository: {}", directory.display()))
}

impl Place {
    /// The same, in another directory.
    pub fn moved_to(self, directory: PathBuf) -> Self {
        Self { directory, ..self }
    }

    /// A setting for all runs.
    pub fn set(&mut self, setting: String) {
        self.settings.extend(["-c".to_owned(), setting]);
    }

    /// A variable for all runs.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.into(), value.into());
    }

    /// Not to be told, whatever git says.
    pub fn hide(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.secrets.push(secret.to_owned());
        }
    }

    /// What must not be told.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// A run with these words of ours.
    pub fn git<const N: usize>(&self, words: [&str; N]) -> Command<'_> {
        let settings = self.settings.iter().map(String::as_str);
        let arguments = ALWAYS.into_iter().chain(settings).chain(words).map(OsString::from).collect();
        Command { place: self, arguments, variables: Vec::new(), stdin: Vec::new() }
    }

    /// Whether a question has a good end.
    pub async fn ask<const N: usize>(&self, words: [&str; N]) -> GitResult<Ended> {
        self.git(words).end().await
    }

    /// Why a run failed: what another look at the repository tells, then what git said.
    pub async fn failure(&self, ended: &Ended) -> super::GitError {
        let said = failure::clean(&ended.stderr, &self.secrets);
        let found = match failure::kind(&ended.stderr) {
            Some(kind) => kind,
            None if self.has_repository().await => Failure::Internal,
            None => return no_repository(&self.directory),
        };
        let exit = || format!("git failed with exit code {}", ended.code);
        found.because(if said.is_empty() { exit() } else { said })
    }

    async fn has_repository(&self) -> bool {
        self.ask(["rev-parse", "--git-dir"]).await.is_ok_and(|ended| ended.succeeded())
    }

    /// Whether there is such a local branch.
    pub async fn has_branch(&self, name: &str) -> GitResult<bool> {
        self.has_reference(&format!("refs/heads/{name}")).await
    }

    /// Whether there is such a reference, by its whole name.
    pub async fn has_reference(&self, name: &str) -> GitResult<bool> {
        Ok(self.ask(["show-ref", "--verify", "--quiet", "--", name]).await?.succeeded())
    }

    /// Whether it names a commit.
    pub async fn has_commit(&self, revision: &str) -> GitResult<bool> {
        Ok(self.ask(["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]).await?.succeeded())
    }

    /// Whether a merge waits for its conflicts to be resolved.
    pub async fn is_unmerged(&self) -> GitResult<bool> {
        let unmerged = self.ask(["ls-files", "--unmerged", "-z"]).await?;
        Ok(unmerged.succeeded() && !unmerged.stdout.is_empty())
    }

    /// None when HEAD is a commit.
    pub async fn current_branch(&self) -> GitResult<Option<String>> {
        let head = self.ask(["symbolic-ref", "--quiet", "HEAD"]).await?;
        match head.code {
            0 => Ok(head.stdout.trim_end().strip_prefix("refs/heads/").map(str::to_owned)),
            1 => Ok(None),
            _ => Err(self.failure(&head).await),
        }
    }
}

impl Command<'_> {
    /// One more word.
    pub fn arg(mut self, word: impl Into<OsString>) -> Self {
        self.arguments.push(word.into());
        self
    }

    /// More words.
    pub fn args(mut self, words: impl IntoIterator<Item: Into<OsString>>) -> Self {
        self.arguments.extend(words.into_iter().map(Into::into));
        self
    }

    /// One more word, if so.
    pub fn flag(self, wanted: Option<bool>, word: &str) -> Self {
        if wanted.unwrap_or_default() { self.arg(word) } else { self }
    }

    /// A variable of this run.
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// What git reads.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs to the end, whichever.
    pub async fn end(self) -> GitResult<Ended> {
        let budget = self.place.budget.clone();
        self.run().end(&budget).await
    }

    /// Runs to a good end.
    pub async fn succeed(self) -> GitResult<String> {
        let place = self.place;
        let ended = self.end().await?;
        if ended.succeeded() { Ok(ended.stdout) } else { Err(place.failure(&ended).await) }
    }

    /// Starts it; the answer is read as it comes.
    pub async fn start(self) -> GitResult<Running> {
        self.run().start().await
    }

    fn run(self) -> Run {
        let Self { place, arguments, variables: own, stdin } = self;
        let mut variables = place.variables.clone();
        variables.extend(own.into_iter().map(|(name, value)| (name.into(), value)));
        Run { program: place.program.clone(), arguments, directory: place.directory.clone(), variables, stdin }
    }
}
