//! The whole stack in one process: opens the engines, makes what the template declares, serves both
//! ports, starts the event sources. Tests use it as a library, `paddock-localstack serve` as a program.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bridge::HttpApi;
use crate::endpoint::Endpoint;
use crate::engines::EngineError;
use crate::engines::dynamodb::DynamoDb;
use crate::engines::s3::S3;
use crate::engines::sqs::Sqs;
use crate::faults::{FaultPlan, Faults};
use crate::http_server::{self, ListenError};
use crate::lambda::{Functions, Placement};
use crate::provision;
use crate::sources::Sources;
use crate::stats::Stats;
use crate::template::{Template, TemplateError};

/// On AWS an expired item goes within hours; here within this.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the state is kept; `None` keeps nothing.
    pub state_dir: Option<PathBuf>,
    /// Address of the AWS endpoint; port 0 takes a free one.
    pub listen: String,
    /// Address of the HTTP API; port 0 takes a free one.
    pub api_listen: String,
    /// The SAM template.
    pub template: PathBuf,
    /// Where the functions' programs are.
    pub lambda_dir: PathBuf,
    /// Values for the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Where `/api/toolbox` and `/api/socket.io` go.
    pub edge: Option<http::Uri>,
    /// Faults in force from the start.
    pub faults: FaultPlan,
    /// Most processes per function.
    pub concurrency: usize,
    /// A function's process not used for this long ends.
    pub idle_limit: Duration,
    /// Whether schedules tick. A test that drives `reconcile` itself says no.
    pub schedules: bool,
}

impl Options {
    /// Nothing kept, free ports, no faults: what a test wants.
    pub fn in_memory(template: impl Into<PathBuf>, lambda_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: None,
            listen: "127.0.0.1:0".into(),
            api_listen: "127.0.0.1:0".into(),
            template: template.into(),
            lambda_dir: lambda_dir.into(),
            parameters: BTreeMap::new(),
            edge: None,
            faults: FaultPlan::default(),
            concurrency: 16,
            idle_limit: Duration::from_secs(300),
            schedules: false,
        }
    }
}

/// Why a stack does not come up.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Parameters without a value.
    #[error("the template needs values for: {0} (give each with --param Name=Value)")]
    MissingParameters(String),
    /// A port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// An engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The state folder.
    #[error("state folder: {0}")]
    State(#[from] std::io::Error),
}

/// A running stack; dropping it ends it, [`Stack::stop`] ends it in order.
pub struct Stack {
    endpoint: Arc<Endpoint>,
    endpoint_address: SocketAddr,
    api_address: SocketAddr,
    closing: CancellationToken,
    tasks: JoinSet<()>,
    /// Objects of a stack that keeps nothing.
    _scratch: Option<TempDir>,
}

impl Stack {
    /// Brings everything up; returns when both ports answer.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let template = read_template(&options)?;
        let listeners = http_server::bind(&options.listen, "--listen").await?;
        let api_listeners = http_server::bind(&options.api_listen, "--api-listen").await?;
        let (endpoint_address, api_address) = (listeners[0].local_addr()?, api_listeners[0].local_addr()?);
        let closing = CancellationToken::new();
        let scratch = options.state_dir.is_none().then(TempDir::new).transpose()?;
        let endpoint = open(&options, &template, endpoint_address, scratch.as_ref(), &closing).await?;
        let mut stack =
            Self { endpoint, endpoint_address, api_address, closing, tasks: JoinSet::new(), _scratch: scratch };
        stack.serve(listeners, api_listeners, &template, &options);
        Ok(stack)
    }

    /// `http://host:port` for `AWS_ENDPOINT_URL`.
    pub fn endpoint_url(&self) -> String {
        url(self.endpoint_address)
    }

    /// `http://host:port` of the HTTP API.
    pub fn api_url(&self) -> String {
        url(self.api_address)
    }

    /// Everything behind the AWS endpoint, for tests that live in the same process.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ends functions and listeners and writes down what is kept.
    pub async fn stop(mut self) {
        self.closing.cancel();
        self.tasks.shutdown().await;
        if let Err(error) = self.endpoint.sqs.persist().await {
            tracing::error!(%error, "cannot write down the queues");
        }
    }

    fn serve(
        &mut self,
        listeners: Vec<TcpListener>,
        api_listeners: Vec<TcpListener>,
        template: &Template,
        options: &Options,
    ) {
        for listener in listeners {
            let endpoint = self.endpoint.clone();
            self.tasks.spawn(http_server::serve(listener, move |request, peer| endpoint.clone().answer(request, peer)));
        }
        let api = Arc::new(HttpApi::new(template, self.endpoint.functions.clone(), options.edge.clone()));
        for listener in api_listeners {
            let api = api.clone();
            self.tasks.spawn(http_server::serve(listener, move |request, peer| {
                let api = api.clone();
                async move { Ok(api.answer(request, peer).await) }
            }));
        }
        self.tasks.spawn(sweep(self.endpoint.clone()));
        let sources = Sources {
            dynamodb: self.endpoint.dynamodb.clone(),
            sqs: self.endpoint.sqs.clone(),
            functions: self.endpoint.functions.clone(),
            table_written: self.endpoint.table_written.subscribe(),
            positions: options.state_dir.clone(),
        };
        sources.start(template, options.schedules, &mut self.tasks);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

fn read_template(options: &Options) -> Result<Template, StackError> {
    let template = Template::parse_with(&options.template, &options.parameters)?;
    let missing = template.missing_parameters().join(", ");
    if missing.is_empty() { Ok(template) } else { Err(StackError::MissingParameters(missing)) }
}

async fn open(
    options: &Options,
    template: &Template,
    address: SocketAddr,
    scratch: Option<&TempDir>,
    closing: &CancellationToken,
) -> Result<Arc<Endpoint>, StackError> {
    let state = options.state_dir.as_deref();
    if let Some(folder) = state {
        std::fs::create_dir_all(folder)?;
    }
    let file = |name: &str| state.map(|folder| folder.join(name));
    let objects = state.or(scratch.map(TempDir::path)).unwrap_or(Path::new(".")).join("s3");
    let dynamodb = Arc::new(DynamoDb::open(file("dynamodb.sqlite").as_deref())?);
    let (host, port) = (reachable_host(address), address.port());
    let sqs = Arc::new(Sqs::open(file("sqs.json").as_deref(), &host, port).await?);
    let s3 = Arc::new(S3::open(&objects)?);
    provision::provision(template, &dynamodb, &sqs, &s3).await?;
    let stats = Arc::new(Stats::default());
    let endpoint_url = url(address);
    let placement = Placement {
        programs: &options.lambda_dir,
        endpoint: &endpoint_url,
        concurrency: options.concurrency,
        idle_limit: options.idle_limit,
    };
    let functions = Arc::new(Functions::new(template, &placement, &stats, closing));
    for spec in functions.iter().filter(|spec| !spec.programs.iter().any(|path| path.is_file())) {
        // Not an error: a program that is built later is found when it is first invoked.
        tracing::warn!(function = spec.name, programs = ?spec.programs, "no program yet");
    }
    let faults = Arc::new(Faults::new(options.faults.clone()));
    let table_written = watch::Sender::new(());
    Ok(Arc::new(Endpoint { dynamodb, sqs, s3, functions, faults, stats, table_written }))
}

async fn sweep(endpoint: Arc<Endpoint>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        match endpoint.dynamodb.sweep_expired().await {
            Ok(0) => {}
            // Expiry puts records on the stream, too.
            Ok(_) => {
                endpoint.table_written.send_replace(());
            }
            Err(error) => tracing::error!(%error, "expiry sweep"),
        }
    }
}

fn reachable_host(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { "127.0.0.1".into() } else { address.ip().to_string() }
}

fn url(address: SocketAddr) -> String {
    format!(
        "http://{}",
        SocketAddr::new(
            if address.ip().is_unspecified() { [127, 0, 0, 1].into() } else { address.ip() },
            address.port()
        )
    )
}
