//! Which SDK calls, where an answer depends on it.

use http::HeaderMap;

/// Version of the calling SDK: major, minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SdkVersion(u32, u32);

/// From here on lists come by cursor or page.
const FIRST_WITH_CURSOR: SdkVersion = SdkVersion(0, 190);

impl SdkVersion {
    /// From `X-Daytona-SDK-Version`; none for callers that are no SDK, and for development builds (`0.0.0-dev`).
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("x-daytona-sdk-version")?.to_str().ok()?;
        let mut parts = text.trim_start_matches('v').split('.').map(|part| part.parse().ok());
        let version = Self(parts.next()??, parts.next()??);
        (version > Self(0, 0)).then_some(version)
    }

    /// `GET /sandbox` without cursor or limit must answer an array.
    pub fn expects_plain_arrays(self) -> bool {
        self < FIRST_WITH_CURSOR
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn plain(version: &'static str) -> Option<bool> {
        let headers =
            HeaderMap::from_iter([("x-daytona-sdk-version".parse().ok()?, HeaderValue::from_static(version))]);
        SdkVersion::of(&headers).map(SdkVersion::expects_plain_arrays)
    }

    #[test]
    fn only_sdks_before_0_190_expect_arrays() {
        assert_eq!(plain("0.26.1"), Some(true));
        assert_eq!(plain("v0.160.0"), Some(true));
        assert_eq!(plain("0.190.0a1"), Some(false));
        assert_eq!(plain("0.226.1"), Some(false));
        assert_eq!(plain("1.0.0"), Some(false));
        for unknown in ["", "dev", "0.0.0-dev", "0"] {
            assert_eq!(plain(unknown), None, "{unknown:?}");
        }
    }
}
