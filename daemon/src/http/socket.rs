//! What WebSockets have in common.

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, WebSocketUpgrade};

use super::error::{ApiError, ApiResult};
use super::extract::BODY_LIMIT;

/// What a close frame can carry.
const LONGEST_REASON: usize = 123;
/// Browsers cannot send headers with a WebSocket: their SDK says its version here.
const VERSION_TOKEN: &str = "X-Daytona-SDK-Version~";

/// The upgrade of a request that asked for one, with bounds.
pub fn accept(upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> ApiResult<WebSocketUpgrade> {
    let mut upgrade = upgrade.map_err(|error| ApiError::bad_request(error.body_text()))?;
    // Clients give up when they offered protocols and none was chosen.
    let is_version = |token: &str| token.starts_with(VERSION_TOKEN);
    let offered = upgrade.requested_protocols().find(|token| token.to_str().is_ok_and(is_version)).cloned();
    if let Some(token) = offered {
        upgrade.set_selected_protocol(token);
    }
    Ok(upgrade.max_message_size(BODY_LIMIT).max_frame_size(BODY_LIMIT))
}

/// A close frame; a long reason is cut.
pub fn close(code: u16, reason: &str) -> CloseFrame {
    CloseFrame { code, reason: reason[..reason.floor_char_boundary(LONGEST_REASON)].into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits() {
        assert_eq!(close(1000, "short").reason.as_str(), "short");
        assert_eq!(close(1000, &"ä".repeat(100)).reason.as_str(), "ä".repeat(61));
    }
}
