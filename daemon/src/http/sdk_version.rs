//! Which SDK asks: answers of the session routes depend on its age.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::subprotocol::{self, Offered};

const VERSION: &str = "x-daytona-sdk-version";
const SPLIT: &str = "x-daytona-split-output";

type Version = (u64, u64, u64);

const SPLITS: Version = (0, 27, 0);
const BEGINS_IN_WORK_DIR: Version = (0, 103, 0);
const READS_JSON: Version = (0, 167, 0);
const NEWEST: Version = (u64::MAX, 0, 0);

/// What a caller said about itself.
#[derive(Debug, Clone, Copy)]
pub struct Sdk {
    version: Option<Version>,
    wants_split: bool,
}

impl Sdk {
    /// It cannot tell the two streams apart: no markers.
    pub fn wants_combined(self) -> bool {
        self.version.map_or(!self.wants_split, |version| version < SPLITS)
    }

    /// It expects a session's shell in the home directory.
    pub fn begins_in_home(self) -> bool {
        self.version.is_some_and(|version| version < BEGINS_IN_WORK_DIR)
    }

    /// It reads logs as JSON, and the two streams in the answer of exec.
    pub fn reads_json(self) -> bool {
        self.version.is_some_and(|version| version >= READS_JSON)
    }

    fn of(headers: &HeaderMap) -> Self {
        let version = headers.get(VERSION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let version = version.or_else(|| Offered::in_headers(headers).after(subprotocol::VERSION));
        let wants_split = headers.get(SPLIT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        Self { version: version.map(|text| parse(&text)), wants_split }
    }
}

impl<S: Sync> FromRequestParts<S> for Sdk {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// What is no version is one that is not released yet.
fn parse(text: &str) -> Version {
    if text.contains("dev") {
        return NEWEST;
    }
    let mut numbers = text.trim_start_matches('v').splitn(3, '.').map(|part| {
        let digits = part.find(|letter: char| !letter.is_ascii_digit()).map_or(part, |end| &part[..end]);
        digits.parse::<u64>().ok()
    });
    match (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor), patch) => (major, minor, patch.unwrap_or(0)),
        _ => NEWEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdk(headers: &[(&'static str, &str)]) -> Sdk {
        Sdk::of(
            &headers.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect(),
        )
    }

    #[test]
    fn gates() {
        for (version, combined, home, json) in [
            ("0.26.9", true, true, false),
            ("0.27.0", false, true, false),
            ("0.103.0", false, false, false),
            ("v0.166.9", false, false, false),
            ("0.167.0a1", false, false, true),
            ("1.2", false, false, true),
            ("0.0.0-dev", false, false, true),
            ("what", false, false, true),
        ] {
            let sdk = sdk(&[(VERSION, version), (SPLIT, "true")]);
            let gates = (sdk.wants_combined(), sdk.begins_in_home(), sdk.reads_json());
            assert_eq!(gates, (combined, home, json), "{version}");
        }
    }

    #[test]
    fn without_a_version() {
        assert!(sdk(&[]).wants_combined() && !sdk(&[]).reads_json() && !sdk(&[]).begins_in_home());
        assert!(!sdk(&[(SPLIT, "true")]).wants_combined());
        assert!(sdk(&[("sec-websocket-protocol", "a, X-Daytona-SDK-Version~0.216.0")]).reads_json());
    }
}
