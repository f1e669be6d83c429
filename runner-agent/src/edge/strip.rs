//! What must not pass: callers' credentials, our own headers, and headers that concern one connection only.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode_str;

/// The query key that browsers send a credential in.
pub const AUTH_QUERY: &str = "DAYTONA_SANDBOX_AUTH_KEY";

const CREDENTIALS: [&str; 4] =
    ["authorization", "x-daytona-preview-token", "x-daytona-authorization", "x-daytona-disable-cors"];
const HOP_BY_HOP: [&str; 8] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"];
const OURS: &str = "x-paddock-";
const OUR_COOKIES: [&str; 3] = ["daytona-sandbox-auth-", "daytona-preview-", "paddock"];

/// Makes a caller's headers fit for a daemon. Version and source headers of SDKs stay: answers depend on them.
pub fn request(headers: &mut HeaderMap) {
    hop_by_hop(headers);
    for name in CREDENTIALS.into_iter().chain(["proxy-authorization"]) {
        headers.remove(name);
    }
    ours(headers);
    cookies(headers);
    if let Some(host) = headers.remove(header::HOST) {
        headers.insert("x-forwarded-host", host);
    }
}

/// Makes a daemon's or relay door's headers fit for a caller.
pub fn response(headers: &mut HeaderMap) {
    hop_by_hop(headers);
    ours(headers);
}

fn hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn ours(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in named {
        headers.remove(name);
    }
}

fn cookies(headers: &mut HeaderMap) {
    if !headers.contains_key(header::COOKIE) {
        return;
    }
    let kept: Vec<String> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty() && !OUR_COOKIES.iter().any(|prefix| pair.starts_with(prefix)))
        .map(str::to_owned)
        .collect();
    headers.remove(header::COOKIE);
    if !kept.is_empty()
        && let Ok(value) = HeaderValue::try_from(kept.join("; "))
    {
        headers.insert(header::COOKIE, value);
    }
}

/// The query without credentials; every other byte stays as it is.
pub fn query(query: &str) -> Option<String> {
    if !query.split('&').any(is_credential) {
        return Some(query.to_owned());
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_credential(pair)).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

fn is_credential(pair: &str) -> bool {
    let key = pair.split('=').next().unwrap_or_default();
    percent_decode_str(key).eq(AUTH_QUERY.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_what_the_daemon_may_see_remains() {
        let mut headers = map(&[
            ("authorization", "Bearer secret"),
            ("x-daytona-preview-token", "secret"),
            ("x-paddock-ticket", "forged"),
            ("cookie", "a=1; daytona-sandbox-auth-x=secret; b=2"),
            ("cookie", "paddock_session=secret; c=3"),
            ("connection", "keep-alive, x-once"),
            ("x-once", "1"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("host", "edge:4000"),
            ("x-daytona-sdk-version", "0.226.1"),
            ("x-daytona-source", "sdk-python"),
        ]);
        request(&mut headers);
        let expected = map(&[
            ("cookie", "a=1; b=2; c=3"),
            ("x-daytona-sdk-version", "0.226.1"),
            ("x-daytona-source", "sdk-python"),
            ("x-forwarded-host", "edge:4000"),
        ]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn queries_lose_the_credential_only() {
        assert_eq!(query("a=%2F&b=+&&c").as_deref(), Some("a=%2F&b=+&&c"));
        assert_eq!(query("a=%2F&DAYTONA_SANDBOX_AUTH_KEY=s&b=1").as_deref(), Some("a=%2F&b=1"));
        assert_eq!(query("DAYTONA%5FSANDBOX_AUTH_KEY=s"), None);
    }
}
