//! A program in a language. The interpreter reads it from stdin, or from a file where it cannot.
//!
//! A shell starts the interpreter, because `argv` is read by the shell, as callers know it. What the shell makes of it
//! has the kernel's bounds: 128 KiB for each argument, about 2 MiB for all.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use paddock_wire::toolbox::chart::Chart;
use paddock_wire::toolbox::process::CodeRun;
use tempfile::TempPath;
use tokio::task::spawn_blocking;

use super::output::Output;
use super::run::{Ended, Plan};
use super::shell::quote;
use super::{ProcessError, Processes, timeout};
use crate::charts;
use crate::environment::Variables;

/// What the kernel takes as one argument, its end included.
const LONGEST_ARGUMENT: usize = 128 * 1024;
/// Not where `TMPDIR` says: that is the tenant's word to programs, and may be a folder that does not exist.
const SCRATCH: &str = "/tmp";

/// Programs find their first argument at `argv[1]`, as after the `node -e` that SDKs once used. Before it stands what
/// node was told to run: `-`, or the file. On the program's first line, so that line numbers in errors stay right.
const DROP_SCRIPT: &str = "process.argv.splice(1, 1);";

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    pub exit_code: i32,
    pub output: Output,
    pub charts: Vec<Chart>,
}

/// What the shell is told, and what the interpreter gets at stdin.
struct Program {
    line: String,
    stdin: String,
    /// What the line names.
    files: Vec<TempPath>,
}

impl Processes {
    /// Runs the program in the work directory.
    pub async fn code_run(&self, request: CodeRun) -> Result<Ran, ProcessError> {
        let CodeRun { code, language, argv, envs, timeout: seconds } = request;
        if code.is_empty() {
            return Err(ProcessError::EmptyCode);
        }
        let environment = self.environment.with(&envs.unwrap_or_default())?;
        let work_dir = self.work_dir.clone();
        let plan = spawn_blocking(move || {
            let argv = argv.unwrap_or_default().join(" ");
            let program = match language.as_str() {
                "python" => python(code, &argv),
                "javascript" => javascript(&code, &argv),
                "typescript" => typescript(&code, &argv, &environment, &work_dir)?,
                _ => return Err(ProcessError::Language(language.chars().take(40).collect())),
            };
            program.into_plan(environment, work_dir, timeout(seconds))
        });
        let plan = plan.await.map_err(|error| ProcessError::Internal(error.to_string()))??;
        let Ended { exit_code, output: Output { text, truncated, share } } = self.run(plan).await?;
        // The charts were part of the text, so its share covers them too.
        let (text, charts) = charts::take_out(text);
        Ok(Ran { exit_code, output: Output { text, truncated, share }, charts })
    }
}

impl Program {
    fn into_plan(
        self,
        environment: Variables,
        directory: PathBuf,
        timeout: Option<Duration>,
    ) -> Result<Plan, ProcessError> {
        let Self { line, stdin, mut files } = self;
        let arguments: Vec<OsString> = if line.len() < LONGEST_ARGUMENT {
            vec!["-c".into(), line.into()]
        } else {
            let script = scratch_file(".sh", &[line.as_str()])?;
            let arguments = vec![script.as_os_str().to_owned()];
            files.push(script);
            arguments
        };
        Ok(Plan { arguments, stdin: stdin.into_bytes(), directory, environment, timeout, files })
    }
}

/// The second line keeps the shell there: it turns an interpreter's death by signal into an exit code.
fn line(interpreter: &str, argv: &str) -> String {
    format!("{interpreter} {argv}\nexit $?\n")
}

fn python(code: String, argv: &str) -> Program {
    let stdin = if charts::mentions_matplotlib(&code) { charts::wrap(&code) } else { code };
    Program { line: line("python3 -u -", argv), stdin, files: Vec::new() }
}

fn javascript(code: &str, argv: &str) -> Program {
    Program { line: line("node -", argv), stdin: format!("{DROP_SCRIPT}{code}"), files: Vec::new() }
}

/// By the ts-node that is installed, and by no other: `npx` would fetch one from the registry, on every
/// first run, or, without a network, try for minutes. Named by its path, because `npx` looks only in
/// places of its own, and takes half a second to do so.
fn typescript(code: &str, argv: &str, environment: &Variables, work_dir: &Path) -> Result<Program, ProcessError> {
    const OPTIONS: &str = r#"-T --ignore-diagnostics 5107 -O '{"module":"CommonJS"}'"#;
    const MISSING: &str = "echo 'TypeScript needs ts-node, which is not installed in this sandbox: \
        npm install -g typescript ts-node' >&2; exit 127";
    let Some(ts_node) = find_ts_node(environment, work_dir) else {
        return Ok(Program { line: MISSING.to_owned(), stdin: String::new(), files: Vec::new() });
    };
    let file = scratch_file(".ts", &[DROP_SCRIPT, code])?;
    // A project's folder may have any name.
    let quoted = |path: &Path| quote(&path.to_string_lossy());
    let interpreter = format!("{} {OPTIONS} {}", quoted(&ts_node), quoted(&file));
    Ok(Program { line: line(&interpreter, argv), stdin: String::new(), files: vec![file] })
}

fn scratch_file(suffix: &str, content: &[&str]) -> Result<TempPath, ProcessError> {
    let write = || -> io::Result<TempPath> {
        let mut file = tempfile::Builder::new().prefix("daytona-").suffix(suffix).tempfile_in(SCRATCH)?;
        content.iter().try_for_each(|part| file.write_all(part.as_bytes()))?;
        Ok(file.into_temp_path())
    };
    write().map_err(|error| ProcessError::Internal(format!("writing the program to {SCRATCH}: {error}")))
}

/// In the project around the work directory, then on the path.
fn find_ts_node(environment: &Variables, work_dir: &Path) -> Option<PathBuf> {
    let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    let in_projects = work_dir.ancestors().map(|dir| dir.join("node_modules/.bin"));
    let places = in_projects.chain(std::env::split_paths(path));
    places.map(|dir| dir.join("ts-node")).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

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
