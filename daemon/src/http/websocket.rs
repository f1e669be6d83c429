//! What all WebSockets here have in common: bounds, a chosen subprotocol, an orderly end.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::request::Parts;
use paddock_wire::toolbox::error::code;
use tokio::time::timeout;

use super::error::ApiError;

/// Of one message from a client.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// A close frame's reason has at most 123 bytes.
const LONGEST_REASON: usize = 123;
/// Until a client has taken what was sent and answered that it closes too.
const FAREWELL: Duration = Duration::from_secs(30);

/// Close codes that are used here.
pub mod close {
    pub const NORMAL: u16 = 1000;
    pub const POLICY: u16 = 1008;
    pub const INTERNAL: u16 = 1011;
}

/// A request for a WebSocket.
#[derive(Debug)]
pub struct Upgrade(WebSocketUpgrade);

impl Upgrade {
    /// With this subprotocol.
    pub fn speaking(self, protocol: Option<String>) -> WebSocketUpgrade {
        self.speaking_at_most(MESSAGE_LIMIT, protocol)
    }

    /// With this subprotocol, where a message is a whole request, of so many bytes at most.
    pub fn speaking_at_most(self, limit: usize, protocol: Option<String>) -> WebSocketUpgrade {
        self.0.max_message_size(limit).max_frame_size(limit).protocols(protocol)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        WebSocketUpgrade::from_request_parts(parts, state).await.map(Self).map_err(|error| {
            let status = match error.status() {
                StatusCode::METHOD_NOT_ALLOWED => StatusCode::BAD_REQUEST,
                other => other,
            };
            ApiError::new(status, code::BAD_REQUEST, format!("this is a WebSocket: {}", error.body_text()))
        })
    }
}

/// A close frame; a long reason is cut.
pub fn close_frame(code: u16, reason: &str) -> CloseFrame {
    CloseFrame { code, reason: reason[..reason.floor_char_boundary(LONGEST_REASON)].into() }
}

/// Ends it so that the client reads all there was, the end included: what it still sends is read too, or the connection
/// would be reset under its feet.
pub async fn end(socket: &mut WebSocket, code: u16, reason: &str) {
    let close = Message::Close(Some(close_frame(code, reason)));
    let farewell = async {
        if socket.send(close).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(FAREWELL, farewell).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits() {
        assert_eq!(close_frame(1000, "short").reason.as_str(), "short");
        assert_eq!(close_frame(1000, &"ä".repeat(100)).reason.as_str(), "ä".repeat(61));
    }
}
