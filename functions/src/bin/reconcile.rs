//! The `reconcile` function: schedule ticks and operators' commands. Start at [`paddock_functions::schedule`].

use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use paddock_functions::{app::App, config::Config, schedule};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    paddock_functions::logging::start();
    let app = Arc::new(App::load(Config::from_env()?).await);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let app = Arc::clone(&app);
        async move { schedule::handle(&app, event.payload).await.map_err(lambda_runtime::Error::from) }
    }))
    .await
}
