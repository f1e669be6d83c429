//! The command line.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use paddock_localstack::faults::FaultPlan;
use paddock_localstack::stack::{Options, Stack};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::conformance;

#[derive(Parser)]
#[command(version, about = "The AWS side of Paddock on a laptop")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the AWS endpoint and the HTTP API until SIGINT or SIGTERM.
    Serve(Box<Serve>),
    /// Ask an endpoint for everything we rely on AWS to do.
    Conformance(Conformance),
}

#[derive(Args)]
struct Conformance {
    /// Endpoint to ask.
    #[arg(long)]
    endpoint: String,
    /// Services to ask for.
    #[arg(long, value_delimiter = ',', value_parser = conformance::SERVICES, default_values = conformance::SERVICES)]
    services: Vec<String>,
    /// Also write the table as markdown.
    #[arg(long, value_name = "FILE")]
    table_out: Option<PathBuf>,
}

#[derive(Args)]
struct Serve {
    /// Where tables, queues and objects are kept.
    #[arg(long, default_value = ".paddock/aws", conflicts_with = "memory")]
    state_dir: PathBuf,
    /// Keep nothing.
    #[arg(long)]
    memory: bool,
    /// Address of the AWS endpoint.
    #[arg(long, default_value = "127.0.0.1:4566")]
    listen: String,
    /// Address of the HTTP API.
    #[arg(long, default_value = "127.0.0.1:3000")]
    api_listen: String,
    /// The SAM template that says what exists.
    #[arg(long, default_value = "infra/template.yaml")]
    template: PathBuf,
    /// Folder with the functions' programs: `<dir>/<name>` or `<dir>/<name>/bootstrap`.
    #[arg(long, default_value = "target/debug")]
    lambda_dir: PathBuf,
    /// Value of a template parameter. The variable holds one per line: arguments are no place for secrets.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    #[arg(env = "PADDOCK_TEMPLATE_PARAMETERS", hide_env_values = true, value_delimiter = '\n')]
    parameters: Vec<(String, String)>,
    /// Where /api/toolbox and /api/socket.io go.
    #[arg(long, env = "PADDOCK_EDGE_URL")]
    edge_url: Option<http::Uri>,
    /// Faults: throttle=1/10,lost-answer=0.1,conflict=0.05,sqs-double=1,sqs-delay=2,sqs-reorder
    #[arg(long, default_value = "")]
    faults: FaultPlan,
    /// Most processes per function.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Seconds after which an unused process of a function ends.
    #[arg(long, default_value_t = 300)]
    idle_seconds: u64,
    /// Do not fire schedules.
    #[arg(long)]
    no_schedules: bool,
}

/// Runs the command of the process's arguments.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let quiet = "info,dynoxide=error,rustack_sqs_core=warn";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    match cli.command {
        Command::Serve(serve) => runtime.block_on(run_stack(*serve)),
        Command::Conformance(Conformance { endpoint, services, table_out }) => {
            let all_hold = runtime.block_on(conformance::run(&endpoint, &services, table_out.as_deref()))?;
            Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

async fn run_stack(serve: Serve) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stack = match Stack::start(serve.into()).await {
        Ok(stack) => stack,
        Err(error) => {
            eprintln!("the local AWS stack does not start: {error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    println!("ready: aws={} api={}", stack.endpoint_url(), stack.api_url());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

impl From<Serve> for Options {
    fn from(serve: Serve) -> Self {
        Self {
            state_dir: (!serve.memory).then_some(serve.state_dir),
            listen: serve.listen,
            api_listen: serve.api_listen,
            template: serve.template,
            lambda_dir: serve.lambda_dir,
            parameters: serve.parameters.into_iter().collect::<BTreeMap<_, _>>(),
            edge: serve.edge_url,
            faults: serve.faults,
            concurrency: serve.concurrency,
            idle_limit: Duration::from_secs(serve.idle_seconds),
            schedules: !serve.no_schedules,
        }
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}
