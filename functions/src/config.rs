//! The functions' environment, read once; all that is missing or malformed is reported together.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::rate_limit::RateLimits;

/// What every function is told by its environment (set in `infra/template.yaml`).
#[derive(Clone)]
pub struct Config {
    /// The one table.
    pub table: String,
    /// The one bucket.
    pub bucket: String,
    /// Names this installation; containers and messages carry it.
    pub deployment: String,
    /// Root of all sealing; see [`crate::seal`].
    pub master_key: [u8; 32],
    /// SHA-256 hex of the token an agent joins with.
    pub join_token_sha256: String,
    /// A runner's queue is this and its id.
    pub queue_prefix: String,
    /// What clients put before `/{sandboxId}/<toolbox path>`.
    pub proxy_url: String,
    /// Preview addresses, with `{{PORT}}` and `{{sandboxId}}`.
    pub preview_template: String,
    /// Where people go.
    pub dashboard_url: String,
    /// The one region of this deployment.
    pub region: String,
    /// Limits of requests; the one optional setting, none by default.
    pub rate_limits: RateLimits,
}

/// Everything wrong with the environment, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment: {}", self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the process environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads from any source of values.
    pub fn read(source: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { source, problems: Vec::new() };
        let config = Self {
            table: reader.text("PADDOCK_TABLE"),
            bucket: reader.text("PADDOCK_BUCKET"),
            deployment: reader.text("PADDOCK_DEPLOYMENT"),
            master_key: reader.parsed("PADDOCK_MASTER_KEY", "must be 32 bytes in base64", |text| {
                STANDARD.decode(text).ok()?.try_into().ok()
            }),
            join_token_sha256: reader.parsed("PADDOCK_JOIN_TOKEN_SHA256", "must be 64 hex digits", |text| {
                (hex::decode(text).ok()?.len() == 32).then(|| text.to_ascii_lowercase())
            }),
            queue_prefix: reader.text("PADDOCK_QUEUE_PREFIX"),
            proxy_url: reader.url("PADDOCK_PROXY_URL"),
            preview_template: reader.text("PADDOCK_PREVIEW_TEMPLATE"),
            dashboard_url: reader.url("PADDOCK_DASHBOARD_URL"),
            region: reader.text("PADDOCK_REGION"),
            rate_limits: reader.rate_limits("PADDOCK_RATE_LIMITS"),
        };
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: reader.problems }) }
    }
}

struct Reader<F> {
    source: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn text(&mut self, name: &str) -> String {
        self.parsed(name, "must not be empty", |text| (!text.is_empty()).then(|| text.to_owned()))
    }

    /// Without the trailing slash, so that paths can be appended.
    fn url(&mut self, name: &str) -> String {
        self.parsed(name, "must be an http or https address", |text| {
            (text.starts_with("http://") || text.starts_with("https://")).then(|| text.trim_end_matches('/').to_owned())
        })
    }

    fn rate_limits(&mut self, name: &str) -> RateLimits {
        let text = (self.source)(name).unwrap_or_default();
        RateLimits::parse(&text).unwrap_or_else(|| {
            self.problems.push(format!("{name} must be like authenticated=1000/60,sandbox-create=10/60"));
            RateLimits::default()
        })
    }

    fn parsed<T: Blank>(&mut self, name: &str, rule: &str, parse: impl FnOnce(&str) -> Option<T>) -> T {
        let Some(text) = (self.source)(name) else {
            self.problems.push(format!("{name} is missing"));
            return T::blank();
        };
        parse(text.trim()).unwrap_or_else(|| {
            self.problems.push(format!("{name} {rule}"));
            T::blank()
        })
    }
}

/// Stands in for a value that could not be read, until all problems are known; never leaves [`Config::read`].
trait Blank {
    fn blank() -> Self;
}

impl Blank for String {
    fn blank() -> Self {
        Self::new()
    }
}

impl Blank for [u8; 32] {
    fn blank() -> Self {
        [0; 32]
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn complete(name: &str) -> Option<String> {
        let value = match name {
            "PADDOCK_MASTER_KEY" => STANDARD.encode([7; 32]),
            "PADDOCK_JOIN_TOKEN_SHA256" => hex::encode([9; 32]),
            "PADDOCK_RATE_LIMITS" => "failed-auth=5/60".to_owned(),
            name if name.ends_with("_URL") => "http://localhost:3000/api/".to_owned(),
            _ => "value".to_owned(),
        };
        Some(value)
    }

    #[test]
    fn a_complete_environment_is_read() {
        let config = Config::read(complete).unwrap();
        assert_eq!(config.master_key, [7; 32]);
        assert_eq!(config.proxy_url, "http://localhost:3000/api");
    }

    #[test]
    fn all_problems_are_reported_together() {
        let error = Config::read(|name| match name {
            "PADDOCK_TABLE" => None,
            "PADDOCK_MASTER_KEY" => Some("short".to_owned()),
            "PADDOCK_PROXY_URL" => Some("localhost".to_owned()),
            other => complete(other),
        })
        .err()
        .unwrap();
        assert_eq!(
            error.to_string(),
            "environment: PADDOCK_TABLE is missing; PADDOCK_MASTER_KEY must be 32 bytes in base64; \
             PADDOCK_PROXY_URL must be an http or https address"
        );
    }
}
