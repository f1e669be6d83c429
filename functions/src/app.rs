//! Clients and keys, built once per process and shared by all requests.

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, ConfigLoader, retry::RetryConfig, timeout::TimeoutConfig};
use paddock_model::time::Timestamp;

use crate::{config::Config, objects::Objects, queue::Queue, recent::Recent, seal::Sealer, store::Store};

/// What actions work with.
pub struct App {
    /// The environment.
    pub config: Config,
    /// The table.
    pub store: Store,
    /// The bucket.
    pub objects: Objects,
    /// The runners' queues.
    pub queue: Queue,
    /// Secrets.
    pub sealer: Arc<Sealer>,
    /// What was read a moment ago and changes rarely.
    pub recent: Recent,
    /// How long the answer to a create or start waits for the report.
    pub start_wait: Duration,
    clock: Clock,
}

/// SDKs poll a second apart, so that a longer wait here would save them nothing.
const START_WAIT: Duration = Duration::from_millis(1000);

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl App {
    /// Builds the clients from the process environment; makes no call.
    pub async fn load(config: Config) -> Self {
        let aws = Self::settings(aws_config::defaults(BehaviorVersion::latest())).load().await;
        Self::new(config, &aws, Arc::new(system_clock))
    }

    /// How AWS is called. Our own patience with contention comes on top (`store::attempt`): few tries here, and quick ones.
    pub fn settings(loader: ConfigLoader) -> ConfigLoader {
        let retries = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(5))
            .build();
        loader.retry_config(retries).timeout_config(timeouts)
    }

    /// Builds the clients from a given AWS configuration and clock.
    pub fn new(config: Config, aws: &aws_config::SdkConfig, clock: Clock) -> Self {
        let sealer = Arc::new(Sealer::new(&config.master_key));
        let store = Store::new(aws_sdk_dynamodb::Client::new(aws), config.table.clone(), Arc::clone(&sealer));
        let queue = Queue::new(aws_sdk_sqs::Client::new(aws), config.queue_prefix.clone());
        let objects = Objects::new(aws, config.bucket.clone());
        Self { config, store, objects, queue, sealer, recent: Recent::default(), start_wait: START_WAIT, clock }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// The time of this machine.
pub fn system_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
