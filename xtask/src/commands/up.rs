//! `cargo xtask up`.

use std::io::BufReader;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::engine;
use crate::interrupt::Watched;
use crate::process::{command, require_root, tail};
use crate::progress::{follow, note, speak_protocol};
use crate::stack::{self, StackOptions, supervise};

/// Run the whole stack on this machine
///
/// Installs and starts Docker when there is none (and says so before), builds the programs and the default sandbox
/// image, starts the AWS endpoint, the functions and the runners, creates a first organization, user and API key,
/// writes `.paddock/env`, and says where everything is. Ctrl-C stops the stack and keeps its state; so does
/// `cargo xtask down`. Running it twice is harmless. After a crash, `up` again: the sandboxes are still there.
///
///   cargo xtask up --detach && . .paddock/env && python3 examples/quickstart.py   (needs `pip install daytona`)
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Up {
    /// Return when the stack is ready; it goes on in the background
    #[arg(long)]
    detach: bool,
    /// The background half of --detach
    #[arg(long, hide = true)]
    supervised: bool,
    #[command(flatten)]
    options: StackOptions,
}

impl Up {
    pub fn run(&self) -> Result<()> {
        require_machine()?;
        if self.supervised {
            speak_protocol();
            // No terminal shall reach it: neither its Ctrl-C nor its end.
            nix::unistd::setsid().context("cannot leave the terminal")?;
            return supervise(&self.options);
        }
        let state = self.options.state();
        if let Some(holder) = stack::holder(&state)? {
            note(&format!(
                "Already running (supervisor: pid {}). Other options need `cargo xtask down` first.",
                holder.pid
            ));
            note(&stack::describe(&state)?);
            return Ok(());
        }
        if self.detach { self.detach() } else { supervise(&self.options) }
    }

    /// Starts this program again in a session of its own and tells what it tells, until it is ready.
    fn detach(&self) -> Result<()> {
        let state = self.options.state();
        state.create()?;
        let log = state.log("supervisor");
        let file = std::fs::File::create(&log)?;
        let mut supervisor = Command::new(std::env::current_exe()?);
        supervisor.args(std::env::args_os().skip(1).filter(|word| word != "--detach")).arg("--supervised");
        supervisor.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        // Until it is ready, our Ctrl-C is its end.
        let mut supervisor = Watched::spawn_leader(&mut supervisor)?;
        let pipe = supervisor.child.stdout.take().context("the supervisor has no output")?;
        follow(BufReader::new(pipe)).map_err(|error| match tail(&log) {
            text if text.trim().is_empty() => error,
            text => anyhow::anyhow!("{error}\nEnd of {}:\n{text}", log.display()),
        })
    }
}

/// What cannot be worked around.
fn require_machine() -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("sandboxes are Linux containers on this very machine; this is {}", std::env::consts::OS);
    }
    require_root("cargo xtask up")?;
    if !crate::process::succeeds(&mut command("cc", ["--version"])) {
        engine::install_packages(&["build-essential"], "SQLite and aws-lc are built from C")?;
    }
    Ok(())
}
