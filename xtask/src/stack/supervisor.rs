//! The life of a stack, in the order of [`supervise`]: lock, old processes, ports, engine, programs, images, services,
//! bootstrap, readiness; then wait for a signal and take everything down in reverse.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::control::{bootstrap, wait_for_http, wait_while_alive};
use super::options::{MOST_RUNNERS, StackOptions};
use super::secrets::Secrets;
use super::service::Service;
use super::{control, env_file, layout, leftovers, lock, ports, sandboxes};
use crate::binaries::{self, Binaries};
use crate::paths::StateDir;
use crate::process::wait_until;
use crate::progress::{announce_ready, note, quietly, step};
use crate::{engine, image, interrupt};

/// Runs a stack until SIGINT or SIGTERM. `ready` is told once it serves.
pub fn supervise(options: &StackOptions) -> Result<()> {
    let state = options.state();
    state.create()?;
    let Some(_lock) = lock::take(&state)? else {
        note(&describe(&state)?);
        return Ok(());
    };
    let mut stack = Stack {
        options,
        secrets: Secrets::load_or_generate(&state)?,
        dockerd: None,
        localstack: None,
        runners: Vec::new(),
    };
    let result = stack.start(&state).and_then(|()| {
        note(&describe(&state)?);
        announce_ready();
        Ok(interrupt::wait_for_signal())
    });
    let ended = match result {
        Ok(signal) => {
            note(&format!("{signal}: taking the stack down"));
            Ok(())
        }
        Err(error) => Err(error.context("the stack did not come up")),
    };
    interrupt::resume();
    let down = stack.take_down();
    if let (Err(_), Err(error)) = (&ended, &down) {
        note(&format!("{error:#}"));
    }
    ended.and(down)
}

/// Where everything of a running stack is.
pub fn describe(state: &StateDir) -> Result<String> {
    let env = std::fs::read_to_string(state.env_file())
        .context("the stack is still coming up; its env file is not there yet")?;
    let value = |name: &str| {
        let line = env.lines().find_map(|line| line.strip_prefix(&format!("export {name}='")));
        line.map(|rest| rest.trim_end_matches('\'').to_owned()).unwrap_or_default()
    };
    let file = state.env_file();
    let folder = if state.is_default() { String::new() } else { format!(" --state-dir {}", state.path().display()) };
    Ok(format!(
        "\nPaddock is running.\n  API            {}\n  toolbox proxy  {}\n  AWS endpoint   {}\n  API key        in {file}\n  logs           {}\n\n\
         Load the environment:   . {file}\nFirst sandbox:          python3 -m venv .venv && . .venv/bin/activate && pip install daytona && python examples/quickstart.py\n\
         Stop, keep the state:   cargo xtask down{folder}\nForget everything:      cargo xtask down --wipe{folder}\n",
        value("DAYTONA_API_URL"),
        value("PADDOCK_PROXY_URL"),
        value("AWS_ENDPOINT_URL"),
        state.logs().display(),
        file = file.display(),
    ))
}

struct Stack<'a> {
    options: &'a StackOptions,
    secrets: Secrets,
    /// Only when no engine answered.
    dockerd: Option<Service>,
    localstack: Option<Service>,
    runners: Vec<Service>,
}

impl Stack<'_> {
    fn start(&mut self, state: &StateDir) -> Result<()> {
        // Of an earlier life: nobody shall take it for a sign that this one serves.
        let _ = std::fs::remove_file(state.env_file());
        refuse_fewer_runners(self.options)?;
        let old = leftovers::find(state)?;
        if !old.is_empty() {
            step("Ending what a killed stack left", || leftovers::end(&old, true))?;
        }
        ports::check(self.options)?;
        self.ensure_engine(state)?;
        let (binaries, sandbox) = build(self.options)?;
        let pause = image::provide_pause(&binaries.daemon)?;
        self.start_localstack(state, &binaries)?;
        step("Creating the first organization", || bootstrap(self.options, &self.secrets, &sandbox))?;
        self.start_runners(state, &binaries, &pause)?;
        self.wait_for_pool()?;
        env_file::write(self.options, &self.secrets)
    }

    fn ensure_engine(&mut self, state: &StateDir) -> Result<()> {
        engine::install(!engine::answers())?;
        if engine::answers() {
            return Ok(());
        }
        note("No Docker engine answers: starting dockerd; it ends with this stack.");
        step("Starting dockerd", || {
            let service = self.dockerd.insert(Service::start(state, layout::dockerd())?);
            engine::wait_until_it_answers(|| service.deaths() < 3)
        })
        .with_context(|| format!("see {}", state.log("dockerd").display()))
    }

    fn start_localstack(&mut self, state: &StateDir, binaries: &Binaries) -> Result<()> {
        let options = self.options;
        step("Starting the AWS endpoint and the functions", || {
            let spec = layout::localstack(options, &self.secrets, binaries);
            let service = self.localstack.insert(Service::start(state, spec)?);
            wait_for_http(options, service, options.aws_port, "/_paddock/health")?;
            wait_for_http(options, service, options.api_port, "/api/health")
        })
    }

    fn start_runners(&mut self, state: &StateDir, binaries: &Binaries, pause: &str) -> Result<()> {
        let options = self.options;
        for index in 0..options.runners {
            step(&format!("Starting runner {}", index + 1), || {
                let spec = layout::runner(options, &self.secrets, binaries, pause, index);
                self.runners.push(Service::start(state, spec)?);
                let service = self.runners.last().context("just pushed")?;
                wait_for_http(options, service, options.edge_port + index, "/health")
            })?;
        }
        Ok(())
    }

    fn wait_for_pool(&self) -> Result<()> {
        let (options, Some(runner)) = (self.options, self.runners.last()) else { return Ok(()) };
        step("Waiting until the runners have joined", || {
            wait_while_alive(options, runner, "all runners have joined", || control::runners_are_there(options))
        })?;
        step(&format!("Filling the warm pool ({})", options.pool), || {
            control::fill_pool(options)?;
            wait_while_alive(options, runner, "the pool is full", || control::pool_is_full(options))
        })
    }

    /// Agents first, so that nobody reports the stops as deaths; the engine last.
    /// One that fails keeps none of the others.
    fn take_down(mut self) -> Result<()> {
        step("Stopping the runners", || {
            std::thread::scope(|scope| self.runners.iter_mut().for_each(|one| drop(scope.spawn(|| one.stop()))));
            Ok(())
        })?;
        let stopped = if engine::answers() {
            step("Stopping the sandboxes", || sandboxes::stop_sandboxes(&self.secrets))
        } else {
            Ok(())
        };
        if let Some(mut localstack) = self.localstack.take() {
            step("Stopping the AWS endpoint", || {
                localstack.stop();
                Ok(())
            })?;
        }
        stopped.and(match self.dockerd.take() {
            Some(dockerd) => stop_engine(dockerd, &self.options.state()),
            None => Ok(()),
        })
    }
}

/// Programs and sandbox image side by side: the one waits for the compiler, the other for the network.
fn build(options: &StackOptions) -> Result<(Binaries, String)> {
    std::thread::scope(|scope| {
        let sandbox = scope.spawn(|| quietly(|| image::provide_default(options.image)));
        let binaries = binaries::provide(!options.no_build)?;
        let sandbox =
            step("Making the default sandbox image", || sandbox.join().unwrap_or_else(|_| bail!("a bug: panic")));
        Ok((binaries, sandbox?))
    })
}

/// An engine of ours ends with the stack, unless somebody else has begun to use it.
fn stop_engine(mut dockerd: Service, state: &StateDir) -> Result<()> {
    if engine::is_used()? {
        note("dockerd keeps running: it has containers that are not of this stack.");
        leftovers::forget(state, dockerd.name());
        return Ok(());
    }
    step("Stopping dockerd", || {
        dockerd.stop();
        wait_until("the engine is silent", Duration::from_secs(20), || Ok(!engine::answers()))?;
        engine::unmount_root()
    })
}

/// A runner that is left out keeps its sandboxes, and nobody could reach them.
fn refuse_fewer_runners(options: &StackOptions) -> Result<()> {
    let state = options.state();
    let had = (1..=MOST_RUNNERS).filter(|number| state.join(&format!("runner-{number}")).is_dir()).max().unwrap_or(0);
    if had > options.runners {
        bail!(
            "this stack has {had} runners, whose sandboxes would be unreachable: --runners {had}, or `down --wipe` first"
        );
    }
    Ok(())
}
