//! The public API: HTTP events in, the router's answers out. Start at [`paddock_functions::router`].

use std::sync::Arc;

use paddock_functions::app::App;
use paddock_functions::config::Config;
use paddock_functions::gateway::restore_path;
use paddock_functions::logging;
use paddock_functions::router::router;
use tower::ServiceExt as _;

/// One request at a time, as Lambda gives them: one thread is enough, and quicker to start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    logging::start();
    let app = Arc::new(App::load(Config::from_env()?).await);
    lambda_http::run(router(app).map_request(restore_path::<lambda_http::Body>)).await
}
