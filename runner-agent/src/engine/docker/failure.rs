//! Docker's errors in our words: which of them pass by waiting, and which do not.

use bollard::errors::Error as Docker;

use super::super::EngineError;

impl From<Docker> for EngineError {
    fn from(error: Docker) -> Self {
        match error {
            Docker::DockerResponseServerError { status_code, message } => answered(status_code, message),
            Docker::DockerStreamError { error } if is_outage(&error) => Self::Unavailable(error),
            Docker::DockerStreamError { error } => Self::Rejected(error),
            // An answer that cannot be read will not be readable next time: asking on would be asking for ever.
            Docker::JsonDataError { .. }
            | Docker::JsonSerdeError { .. }
            | Docker::StrParseError { .. }
            | Docker::HttpHeaderNotFoundError(_)
            | Docker::HttpHeaderToStrError { .. } => Self::Rejected(format!("the engine's answer: {error}")),
            // Neither will a question that cannot be put.
            Docker::URLEncodedError { .. }
            | Docker::URLParseError { .. }
            | Docker::InvalidURIError { .. }
            | Docker::InvalidURIPartsError { .. }
            | Docker::HttpClientError { .. } => Self::Rejected(format!("a question for the engine: {error}")),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

fn answered(status_code: u16, message: String) -> EngineError {
    match status_code {
        404 => EngineError::NotFound(message),
        409 => EngineError::Conflict(message),
        // dockerd says 403 for a subnet that is taken, 500 for most of what a container cannot do.
        403 if message.contains("overlaps") => EngineError::Conflict(message),
        500.. if status_code == 503 || is_outage(&message) => EngineError::Unavailable(message),
        _ => EngineError::Rejected(message),
    }
}

/// dockerd answers, but containerd behind it does not: as gRPC and containerd say it.
fn is_outage(message: &str) -> bool {
    let message = message.trim_end();
    message.contains("containerd.sock")
        || message.contains("transport is closing")
        || message.contains("error reading from server")
        || message.ends_with(": unavailable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status_code: u16, message: &str) -> EngineError {
        Docker::DockerResponseServerError { status_code, message: message.to_owned() }.into()
    }

    #[test]
    fn what_containerd_cannot_do_now_is_waited_for() {
        for message in [
            "connection error: desc = \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: \
             connect: connection refused\": unavailable",
            "failed to create task for container: ttrpc: closed: unavailable",
            "error reading from server: EOF",
        ] {
            assert!(matches!(of(500, message), EngineError::Unavailable(_)), "{message}");
        }
        assert!(matches!(of(503, "busy"), EngineError::Unavailable(_)));
    }

    #[test]
    fn what_cannot_be_done_or_read_is_final() {
        assert!(matches!(of(500, "no such file or directory"), EngineError::Rejected(_)));
        assert!(matches!(of(400, "invalid: unavailable"), EngineError::Rejected(_)));
        assert!(matches!(of(404, "no such container"), EngineError::NotFound(_)));
        let unreadable = serde_json::from_str::<u8>("{").unwrap_err();
        assert!(matches!(EngineError::from(Docker::from(unreadable)), EngineError::Rejected(_)));
    }
}
