//! No page in a browser has business at this port. AWS checks signatures; this endpoint does not, so without a check a
//! page anywhere could invoke functions or read the table of whoever visits it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

/// Browsers send one of these with every request that changes something, and scripts cannot leave them out.
const SENT_BY_BROWSERS: [HeaderName; 2] = [header::ORIGIN, HeaderName::from_static("sec-fetch-site")];

/// Whether the request comes from a page, or under a name that somebody else's DNS made ours.
pub(super) fn is_from_page(headers: &HeaderMap) -> bool {
    SENT_BY_BROWSERS.iter().any(|name| headers.contains_key(name)) || !is_our_name(headers)
}

fn is_our_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || literal.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn request(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn sdks_are_let_through_under_local_names() {
        for host in ["localhost:4566", "127.0.0.1:4566", "[::1]:4566", "bucket.localhost:4566", "localhost"] {
            assert!(!is_from_page(&request(header::HOST, host)), "{host}");
        }
    }

    #[test]
    fn pages_are_known_by_their_headers_and_rebound_names() {
        assert!(is_from_page(&request(header::ORIGIN, "http://localhost:3000")));
        assert!(is_from_page(&request(HeaderName::from_static("sec-fetch-site"), "same-origin")));
        for host in ["evil.example:4566", "localhost.evil.example", "127.0.0.1.evil.example:4566", ""] {
            assert!(is_from_page(&request(header::HOST, host)), "{host}");
        }
    }
}
