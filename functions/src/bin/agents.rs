//! The `agents` function: registration, heartbeats, inventories, reports, grants. Start at [`paddock_functions::agents`].

use std::sync::Arc;

use paddock_functions::{agents, app::App, config::Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    paddock_functions::logging::start();
    let app = Arc::new(App::load(Config::from_env()?).await);
    lambda_http::run(agents::router(app)).await
}
