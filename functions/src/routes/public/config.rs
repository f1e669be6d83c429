//! `GET /config`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::api::config::{DaytonaConfiguration, OidcConfig, RateLimitConfig, RateLimitEntry};

use crate::actions::create_sandbox::DEFAULT_SNAPSHOT;
use crate::app::App;
use crate::rate_limit::{Class, RateLimits};
use crate::validate::interval::MAX_AUTO_ARCHIVE;

/// What clients ask before anything else.
#[utoipa::path(
    get,
    path = "/config",
    tag = "config",
    operation_id = "ConfigController_getConfig",
    responses((status = 200, description = "The deployment", body = DaytonaConfiguration))
)]
pub async fn config(State(app): State<Arc<App>>) -> Json<DaytonaConfiguration> {
    let config = &app.config;
    Json(DaytonaConfiguration {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        oidc: no_oidc(),
        linked_accounts_enabled: false,
        announcements: BTreeMap::new(),
        proxy_template_url: config.preview_template.clone(),
        proxy_toolbox_url: config.proxy_url.clone(),
        default_snapshot: DEFAULT_SNAPSHOT.to_owned(),
        dashboard_url: config.dashboard_url.clone(),
        max_auto_archive_interval: MAX_AUTO_ARCHIVE,
        maintanance_mode: false,
        environment: config.deployment.clone(),
        // SSH is not served yet: no command is better than one that fails.
        ssh_gateway_command: None,
        ssh_gateway_host: None,
        ssh_gateway_port: None,
        rate_limit: limits(&config.rate_limits),
    })
}

/// Nobody logs in by OIDC yet; SDKs demand the strings all the same.
fn no_oidc() -> OidcConfig {
    OidcConfig { issuer: String::new(), client_id: String::new(), audience: String::new(), provider: "none".to_owned() }
}

/// Those that are on.
fn limits(limits: &RateLimits) -> Option<RateLimitConfig> {
    let entry = |class| limits.of(class).map(|it| RateLimitEntry { ttl: it.window, limit: it.limit });
    (!limits.is_empty()).then(|| RateLimitConfig {
        failed_auth: entry(Class::FailedAuth),
        authenticated: entry(Class::Authenticated),
        sandbox_create: entry(Class::SandboxCreate),
        sandbox_lifecycle: entry(Class::SandboxLifecycle),
    })
}
