//! A program in a language. The interpreter reads it from stdin, or from a file where it cannot.
//!
//! A shell starts the interpreter, because `argv` is read by the shell, as callers know it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

use paddock_wire::toolbox::chart::Chart;
use paddock_wire::toolbox::process::CodeRun;
use tempfile::NamedTempFile;

use super::run::Plan;
use super::{ProcessError, Processes, shell, timeout};
use crate::charts;
use crate::environment::Variables;

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    pub exit_code: i32,
    pub output: String,
    pub charts: Vec<Chart>,
}

/// What the shell is told, and what the interpreter gets at stdin.
struct Program {
    line: String,
    stdin: String,
    /// Removed when the run is over.
    file: Option<NamedTempFile>,
}

impl Processes {
    /// Runs the program in the work directory.
    pub async fn code_run(&self, request: CodeRun) -> Result<Ran, ProcessError> {
        let CodeRun { code, language, argv, envs, timeout: seconds } = request;
        if code.is_empty() {
            return Err(ProcessError::EmptyCode);
        }
        let environment = self.environment.with(&envs.unwrap_or_default())?;
        let argv = argv.unwrap_or_default().join(" ");
        let program = match language.as_str() {
            "python" => python(code, &argv),
            "javascript" => javascript(&code, &argv),
            "typescript" => typescript(code, &argv, &environment, &self.work_dir).await?,
            _ => return Err(ProcessError::Language(language.chars().take(40).collect())),
        };
        let ended = self
            .run(Plan {
                program: shell::choose(&environment),
                arguments: vec!["-c".into(), program.line.into()],
                stdin: program.stdin.into_bytes(),
                directory: self.work_dir.clone(),
                environment,
                timeout: timeout(seconds),
            })
            .await;
        drop(program.file);
        let ended = ended?;
        let (output, charts) = charts::take_out(ended.output);
        Ok(Ran { exit_code: ended.exit_code, output, charts })
    }
}

/// The second line keeps the shell there: it turns an interpreter's death by signal into an exit code.
fn line(interpreter: &str, argv: &str) -> String {
    format!("{interpreter} {argv}\nexit $?\n")
}

fn python(code: String, argv: &str) -> Program {
    let stdin = if charts::mentions_matplotlib(&code) { charts::wrap(&code) } else { code };
    Program { line: line("python3 -u -", argv), stdin, file: None }
}

/// Scripts expect their first argument at `argv[2]`; node puts its `-` before it. On the first
/// line of the program, so that line numbers in errors stay right.
fn javascript(code: &str, argv: &str) -> Program {
    let stdin = format!("process.argv.splice(1, 1);{code}");
    Program { line: line("node -", argv), stdin, file: None }
}

/// By the ts-node that is installed, and by no other: `npx` would fetch one from the registry, on every
/// first run, or, without a network, try for minutes. Named by its path, because `npx` looks only in
/// places of its own, and takes half a second to do so.
async fn typescript(
    code: String,
    argv: &str,
    environment: &Variables,
    work_dir: &Path,
) -> Result<Program, ProcessError> {
    const OPTIONS: &str = r#"-T --ignore-diagnostics 5107 -O '{"module":"CommonJS"}'"#;
    const MISSING: &str = "echo 'TypeScript needs ts-node, which is not installed in this sandbox: \
        npm install -g typescript ts-node' >&2; exit 127";
    let Some(ts_node) = find_ts_node(environment, work_dir) else {
        return Ok(Program { line: MISSING.to_owned(), stdin: String::new(), file: None });
    };
    let written = tokio::task::spawn_blocking(move || -> std::io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix("daytona-").suffix(".ts").tempfile()?;
        file.write_all(code.as_bytes())?;
        Ok(file)
    });
    let internal = |error: &dyn std::fmt::Display| ProcessError::Internal(format!("writing the program: {error}"));
    let file = written.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    let interpreter = format!("{} {OPTIONS} {}", quote(&ts_node), quote(file.path()));
    Ok(Program { line: line(&interpreter, argv), stdin: String::new(), file: Some(file) })
}

/// In the project around the work directory, then on the path.
fn find_ts_node(environment: &Variables, work_dir: &Path) -> Option<PathBuf> {
    let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    let in_projects = work_dir.ancestors().map(|dir| dir.join("node_modules/.bin"));
    let places = in_projects.chain(std::env::split_paths(path));
    places.map(|dir| dir.join("ts-node")).find(|program| program.is_file())
}

/// The temp directory's name is the image's choice.
fn quote(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stay_quotes() {
        assert_eq!(quote(Path::new("/tmp/it's.ts")), r"'/tmp/it'\''s.ts'");
    }

    #[test]
    fn ts_node_is_found_in_a_project_above_and_on_the_path() {
        let dir = tempfile::tempdir().expect("temp dir");
        let bin = dir.path().join("node_modules/.bin");
        std::fs::create_dir_all(&bin).expect("mkdir");
        let (inside, none) = (dir.path().join("a/b"), Variables::new());
        assert_eq!(find_ts_node(&none, &inside), None);
        let program = bin.join("ts-node");
        std::fs::write(&program, "").expect("write");
        assert_eq!(find_ts_node(&none, &inside).as_ref(), Some(&program));
        let path: Variables = [("PATH".into(), bin.into_os_string())].into();
        assert_eq!(find_ts_node(&path, Path::new("/")), Some(program));
    }
}
