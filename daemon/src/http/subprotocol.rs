//! WebSocket subprotocols, in which the SDKs also send what browsers cannot send as headers.

use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;

/// The client understands the message `exited` of a terminal.
pub const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";
/// Before a terminal's variables: base64url without padding of a JSON object.
pub const ENVS: &str = "X-Daytona-Pty-Envs~";
/// Before the SDK's version, from browsers.
pub const VERSION: &str = "X-Daytona-SDK-Version~";

/// What a client offered, in its order.
#[derive(Debug, Clone, Default)]
pub struct Offered(Vec<String>);

impl Offered {
    /// Of a request.
    pub fn in_headers(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        let tokens = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty());
        Self(tokens.map(str::to_owned).collect())
    }

    /// Whether it is among them.
    pub fn has(&self, token: &str) -> bool {
        self.0.iter().any(|offered| offered == token)
    }

    /// What follows the beginning of the first token that begins so.
    pub fn after(&self, beginning: &str) -> Option<String> {
        self.0.iter().find_map(|token| token.strip_prefix(beginning)).map(str::to_owned)
    }

    /// The one to answer with: clients abort when they offered some and none is chosen. Variables are never sent back.
    pub fn choose(&self) -> Option<String> {
        let other = || self.0.iter().find(|token| !token.starts_with(ENVS));
        self.0.iter().find(|token| *token == EXIT_CONTROL).or_else(other).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(lines: &[&str]) -> Offered {
        let pair = |line: &&str| (SEC_WEBSOCKET_PROTOCOL, line.parse().expect("a value"));
        Offered::in_headers(&lines.iter().map(pair).collect())
    }

    #[test]
    fn which_is_chosen() {
        for (lines, chosen) in [
            (&[][..], None),
            (&["X-Daytona-Pty-Envs~e30"], None),
            (&["X-Daytona-Pty-Envs~e30, X-Daytona-SDK-Version~1"], Some("X-Daytona-SDK-Version~1")),
            (&["a, X-Daytona-Pty-Envs~e30 ,X-Daytona-Pty-Exit-Control"], Some(EXIT_CONTROL)),
            (&["a", EXIT_CONTROL], Some(EXIT_CONTROL)),
            (&[" ,b,a"], Some("b")),
        ] {
            assert_eq!(offered(lines).choose().as_deref(), chosen, "{lines:?}");
        }
        assert_eq!(offered(&["a", "X-Daytona-Pty-Envs~e30"]).after(ENVS).as_deref(), Some("e30"));
    }
}
