//! The task that owns a shell and gives it one command after another.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::command::{Command, End};
use super::pump::Pump;
use super::shell::{Outcome, Shell};

/// Until the shell's end, and then tells all that still wait. `running` says to the session that the shell is gone.
pub async fn own(mut shell: Shell, mut queue: mpsc::Receiver<Arc<Command>>, running: watch::Sender<Option<i32>>) {
    loop {
        tokio::select! {
            biased;
            () = shell.ended() => break,
            command = queue.recv() => match command {
                Some(command) => run(&mut shell, &command, &running).await,
                None => break,
            },
        }
        if running.borrow().is_none() {
            break;
        }
    }
    running.send_replace(None);
    queue.close();
    while let Some(command) = queue.recv().await {
        command.finish(End::NeverBegan).await;
        command.log.close().await;
    }
}

async fn run(shell: &mut Shell, command: &Command, running: &watch::Sender<Option<i32>>) {
    let pump = match Pump::start(command) {
        Ok(pump) => pump,
        Err(error) => {
            // The tenant may have removed the files.
            warn!(command = command.id, %error, "a command's pipes cannot be opened");
            return command.finish(End::NeverBegan).await;
        }
    };
    // A shell that cannot be told is at its end, and says so below.
    let _ = shell.begin(command).await;
    let outcome = shell.outcome(&command.id).await;
    pump.settle().await;
    let code = match outcome {
        Outcome::Done(code) => code,
        Outcome::ShellEnded(code) => {
            // Before those who wait are told: what they ask next finds an ended session.
            running.send_replace(None);
            code
        }
    };
    command.finish(End::Exited(code)).await;
}
