//! The `events` function: the table's stream becomes history. Start at [`paddock_functions::stream`].

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use lambda_runtime::{LambdaEvent, service_fn};
use paddock_functions::{app::App, config::Config, stream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    paddock_functions::logging::start();
    let app = Arc::new(App::load(Config::from_env()?).await);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| {
        let app = Arc::clone(&app);
        async move { stream::handle(&app, event.payload).await.map_err(lambda_runtime::Error::from) }
    }))
    .await
}
