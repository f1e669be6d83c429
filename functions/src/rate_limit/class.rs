//! What is counted together, and how much of it is allowed.

use http::Method;

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Refused credentials, per address.
    FailedAuth,
    /// All that is in no other class, per organization.
    Authenticated,
    /// Creates, per organization.
    SandboxCreate,
    /// Starts, stops, deletes, per organization.
    SandboxLifecycle,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 4] =
        [Class::FailedAuth, Class::Authenticated, Class::SandboxCreate, Class::SandboxLifecycle];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::FailedAuth => "failed-auth",
            Class::Authenticated => "authenticated",
            Class::SandboxCreate => "sandbox-create",
            Class::SandboxLifecycle => "sandbox-lifecycle",
        }
    }

    /// The class of an authenticated request, by its route.
    pub fn of(method: &Method, route: &str) -> Self {
        match (method.as_str(), route.strip_prefix("/api/sandbox")) {
            ("POST", Some("" | "/{sandboxIdOrName}/fork")) => Self::SandboxCreate,
            ("DELETE", Some("/{sandboxIdOrName}")) => Self::SandboxLifecycle,
            ("POST", Some(path)) if LIFECYCLE.contains(&path.trim_start_matches("/{sandboxIdOrName}/")) => {
                Self::SandboxLifecycle
            }
            _ => Self::Authenticated,
        }
    }
}

/// What counts as lifecycle, beside deletion.
const LIFECYCLE: [&str; 6] = ["start", "stop", "recover", "pause", "resize", "archive"];

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests.
    pub limit: u32,
    /// Seconds.
    pub window: u32,
}

/// The limits that are on. None by default: the hot path then writes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimits(Vec<(Class, RateLimit)>);

impl RateLimits {
    /// Reads `authenticated=1000/60,sandbox-create=10/60`: requests per seconds. A zero switches a class off.
    pub fn parse(text: &str) -> Option<Self> {
        let mut limits = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (class, rest) = part.split_once('=')?;
            let class = Class::ALL.into_iter().find(|it| it.as_str() == class.trim())?;
            let (limit, window) = rest.split_once('/')?;
            let limit = RateLimit { limit: limit.trim().parse().ok()?, window: window.trim().parse().ok()? };
            if limit.limit > 0 && limit.window > 0 {
                limits.push((class, limit));
            }
        }
        Some(Self(limits))
    }

    /// All classes are off.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The limit of a class, if it is on.
    pub fn of(&self, class: Class) -> Option<RateLimit> {
        self.0.iter().find(|(it, _)| *it == class).map(|(_, limit)| *limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_zero_is_off() {
        let limits = RateLimits::parse("authenticated=1000/60, sandbox-create=10/1,failed-auth=0/60").unwrap();
        assert_eq!(limits.of(Class::SandboxCreate), Some(RateLimit { limit: 10, window: 1 }));
        assert_eq!((limits.of(Class::FailedAuth), limits.of(Class::SandboxLifecycle)), (None, None));
        assert!(RateLimits::parse("").unwrap().is_empty());
        for bad in ["x", "authenticated=5", "create=1/1", "authenticated=-1/60", "authenticated=1/x"] {
            assert_eq!(RateLimits::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn routes_have_the_classes_of_the_wire() {
        let class = |method, route| Class::of(&method, route).as_str();
        assert_eq!(class(Method::POST, "/api/sandbox"), "sandbox-create");
        assert_eq!(class(Method::GET, "/api/sandbox"), "authenticated");
        assert_eq!(class(Method::POST, "/api/sandbox/{sandboxIdOrName}/stop"), "sandbox-lifecycle");
        assert_eq!(class(Method::POST, "/api/sandbox/{sandboxIdOrName}/archive"), "sandbox-lifecycle");
        assert_eq!(class(Method::POST, "/api/sandbox/{sandboxIdOrName}/fork"), "sandbox-create");
        assert_eq!(class(Method::POST, "/api/sandbox/{sandboxIdOrName}/labels"), "authenticated");
        assert_eq!(class(Method::DELETE, "/api/sandbox/{sandboxIdOrName}"), "sandbox-lifecycle");
        assert_eq!(class(Method::GET, "/api/sandbox/{sandboxIdOrName}"), "authenticated");
        assert_eq!(class(Method::POST, "/api/api-keys"), "authenticated");
    }
}
