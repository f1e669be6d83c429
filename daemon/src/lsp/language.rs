//! Which program serves which language.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::environment::Variables;

/// A language that has servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Python,
    TypeScript,
    JavaScript,
}

/// Programs with their arguments, the ones that can do most first.
const PYTHON: [&[&str]; 3] = [&["pyright-langserver", "--stdio"], &["pylsp"], &["jedi-language-server"]];
const TYPESCRIPT: [&[&str]; 1] = [&["typescript-language-server", "--stdio"]];

impl Language {
    /// By the wire's name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "python" => Some(Self::Python),
            "typescript" => Some(Self::TypeScript),
            "javascript" => Some(Self::JavaScript),
            _ => None,
        }
    }

    /// What a server calls the language of this file.
    pub fn of_file(self, path: &Path) -> &'static str {
        match (self, path.extension().and_then(OsStr::to_str)) {
            (Self::Python, _) => "python",
            (_, Some("tsx")) => "typescriptreact",
            (_, Some("jsx")) => "javascriptreact",
            (_, Some("js" | "mjs" | "cjs")) | (Self::JavaScript, _) => "javascript",
            (Self::TypeScript, _) => "typescript",
        }
    }

    /// The first that is installed.
    pub fn program(self, environment: &Variables) -> Option<(PathBuf, &'static [&'static str])> {
        let path = environment.get(OsStr::new("PATH"))?;
        self.programs().iter().find_map(|command| {
            let (name, arguments) = command.split_first()?;
            let found =
                std::env::split_paths(path).map(|folder| folder.join(name)).find(|program| program.is_file())?;
            Some((found, arguments))
        })
    }

    /// For those who have none of them.
    pub fn names(self) -> String {
        self.programs().iter().filter_map(|command| command.first().copied()).collect::<Vec<_>>().join(" or ")
    }

    fn programs(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Python => &PYTHON,
            Self::TypeScript | Self::JavaScript => &TYPESCRIPT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_languages() {
        let of = |language: Language, name: &str| language.of_file(Path::new(name));
        assert_eq!(of(Language::TypeScript, "a.ts"), "typescript");
        assert_eq!(of(Language::TypeScript, "a.tsx"), "typescriptreact");
        assert_eq!(of(Language::TypeScript, "a.js"), "javascript");
        assert_eq!(of(Language::Python, "a"), "python");
    }

    #[test]
    fn the_first_that_is_there() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path: Variables = [("PATH".into(), folder.path().into())].into();
        assert_eq!(Language::Python.program(&path), None);
        std::fs::write(folder.path().join("pylsp"), "").expect("write");
        assert_eq!(Language::Python.program(&path).expect("there").0, folder.path().join("pylsp"));
        assert_eq!(Language::Python.names(), "pyright-langserver or pylsp or jedi-language-server");
    }
}
