//! The shell of a session: what it is told, and how it says that a command is done.
//!
//! Its stdin is the script, a few lines for each command. A command's text lies in a file, which the shell reads in a group
//! whose three streams are the command's own. The line after that reports the exit code on the shell's stdout, which no
//! command has. A text that the shell gives up on ends with its group: the report is a line of its own.

use std::future::pending;
use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin};

use super::command::Command;
use crate::environment::Variables;
use crate::process::{exit_code, shell, shell::quote, spawn};

/// A report is shorter; what is longer is none.
const LONGEST_REPORT: usize = 256;

/// A running shell.
#[derive(Debug)]
pub struct Shell {
    dialect: Dialect,
    child: Child,
    stdin: ChildStdin,
    reports: Reports,
}

/// What the shell says.
#[derive(Debug)]
struct Reports {
    pipe: pipe::Receiver,
    /// Of what was read, the line that has no end yet.
    line: Vec<u8>,
}

/// How it went with a command.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    Done(i32),
    /// The shell itself ended, with this exit code.
    ShellEnded(i32),
}

/// What a shell understands beyond the standard.
#[derive(Debug, Clone, Copy)]
enum Dialect {
    Bash,
    Zsh,
    Posix,
}

impl Shell {
    /// Starts the sandbox's shell. The error is for a reader.
    pub fn start(directory: &Path, environment: &Variables) -> Result<Self, String> {
        let preferred = shell::choose(environment);
        let name = Path::new(&preferred).file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let (program, dialect) = match name.as_str() {
            "zsh" => (preferred, Dialect::Zsh),
            "bash" => (preferred, Dialect::Bash),
            "sh" | "ash" | "dash" | "ksh" | "mksh" | "busybox" => (preferred, Dialect::Posix),
            // Others have a language of their own.
            _ => ("sh".into(), Dialect::Posix),
        };
        let start = || -> io::Result<Self> {
            let (reports, reporting) = io::pipe()?;
            let mut command = spawn::command(&program, directory, environment);
            command.process_group(0).stdin(Stdio::piped()).stdout(reporting).stderr(Stdio::null()).kill_on_drop(true);
            let mut child = command.spawn()?;
            let stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
            let reports = Reports { pipe: pipe::Receiver::from_owned_fd(reports.into())?, line: Vec::new() };
            Ok(Self { dialect, child, stdin, reports })
        };
        start().map_err(|error| spawn::failure(&program, directory, &error))
    }

    /// Its number, until it was reaped.
    pub fn pid(&self) -> Option<i32> {
        self.child.id().map(u32::cast_signed)
    }

    /// Tells it to run the command; it may be too late for that.
    pub async fn begin(&mut self, command: &Command) -> io::Result<()> {
        let script = script(self.dialect, command);
        self.stdin.write_all(script.as_bytes()).await
    }

    /// Waits until the command is done or nobody is there to say so.
    pub async fn outcome(&mut self, id: &str) -> Outcome {
        tokio::select! {
            biased;
            code = self.reports.of(id) => Outcome::Done(code),
            code = ended(&mut self.child) => Outcome::ShellEnded(code),
        }
    }

    /// Waits for its end.
    pub async fn ended(&mut self) {
        ended(&mut self.child).await;
    }
}

impl Reports {
    /// The exit code that is reported for the command. Never completes when there is no report.
    async fn of(&mut self, id: &str) -> i32 {
        loop {
            let mut chunk = [0; LONGEST_REPORT];
            let length = match self.pipe.read(&mut chunk).await {
                Ok(0) | Err(_) => return pending().await,
                Ok(length) => length,
            };
            for byte in &chunk[..length] {
                if *byte != b'\n' {
                    self.line.push(*byte);
                    self.line.truncate(LONGEST_REPORT);
                } else if let Some(code) = parse(&std::mem::take(&mut self.line), id) {
                    return code;
                }
            }
        }
    }
}

async fn ended(child: &mut Child) -> i32 {
    // An error: it is not our child any more, and nothing is known.
    child.wait().await.map_or(-1, exit_code)
}

fn parse(line: &[u8], id: &str) -> Option<i32> {
    let (reported, code) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    if reported == id { code.parse().ok() } else { None }
}

fn script(dialect: Dialect, command: &Command) -> String {
    let path = |path: &Path| quote(&path.to_string_lossy());
    let files = command.files();
    let text = path(&files.text());
    let stdin = if command.is_async { path(&files.stdin()) } else { "/dev/null".to_owned() };
    let streams = format!("<{stdin} >{} 2>{}", path(&files.stdout()), path(&files.stderr()));
    let id = &command.id;
    match dialect {
        // zsh drops the rest of what it read, the report too, after some errors.
        Dialect::Zsh => format!(
            "{{ {{ . {text}\n}} always {{ TRY_BLOCK_ERROR=0\n}} }} {streams}\nbuiltin printf '{id} %s\\n' \"$?\"\n"
        ),
        Dialect::Bash => format!("{{ . {text}\n}} {streams}\nbuiltin printf '{id} %s\\n' \"$?\"\n"),
        Dialect::Posix => format!("{{ . {text}\n}} {streams}\nprintf '{id} %s\\n' \"$?\"\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_is_a_report() {
        assert_eq!(parse(b"a-b 7", "a-b"), Some(7));
        for other in [&b"a-b"[..], b"a-c 7", b"a-b x", b"a-b 7 8", b"\xff 7", b""] {
            assert_eq!(parse(other, "a-b"), None, "{other:?}");
        }
    }
}
