//! The path as the caller meant it.
//!
//! An HTTP API hands over the path decoded, and `lambda_http` makes an address of that text as it stands: `#` would
//! cut it, `?` would begin a query, `..` would climb, and `%` would be decoded a second time. `DELETE /sandbox/a%23b`
//! would delete `a`. So the path is built anew, encoded, from the event's own text.

use http::Request;
use http::uri::{PathAndQuery, Uri};
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but what may stand in a path unencoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Puts the meant path into the request. A function URL hands over the path as it was sent; it is left alone.
pub fn restore_path<B>(mut request: Request<B>) -> Request<B> {
    let is_decoded = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref() != Some("$default"),
        _ => false,
    };
    if is_decoded && let Some(uri) = restored(&request) {
        *request.uri_mut() = uri;
    }
    request
}

fn restored<B>(request: &Request<B>) -> Option<Uri> {
    let path = request.extensions().raw_http_path().to_owned();
    let query = if path.contains(['?', '#']) {
        // The one that was made of it is part of the path, or lost.
        request.extensions().query_string_parameters_ref().map(|query| query.to_query_string()).unwrap_or_default()
    } else {
        request.uri().query().unwrap_or_default().to_owned()
    };
    let mut text = utf8_percent_encode(&path, ENCODED).to_string();
    if !query.is_empty() {
        text = format!("{text}?{query}");
    }
    let path_and_query: PathAndQuery = text.parse().ok()?;
    Some(Uri::from(path_and_query))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn restore(route: &str, path: &str, query: &str) -> String {
        let event = json!({
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query, "isBase64Encoded": false,
            "headers": {"host": "localhost:3000", "x-forwarded-proto": "http"},
            "requestContext": {
                "routeKey": route, "stage": "$default", "timeEpoch": 0, "accountId": "0", "apiId": "a",
                "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
            }
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        restore_path(request).uri().path_and_query().unwrap().to_string()
    }

    #[test]
    fn a_decoded_path_is_meant_literally() {
        let any = "ANY /api/{proxy+}";
        for (path, restored) in [
            ("/api/sandbox/box", "/api/sandbox/box?limit=1"),
            ("/api/sandbox/a#b", "/api/sandbox/a%23b?limit=1"),
            ("/api/sandbox/a?b", "/api/sandbox/a%3Fb?limit=1"),
            ("/api/sandbox/a%41", "/api/sandbox/a%2541?limit=1"),
            ("/api/sandbox/my box", "/api/sandbox/my%20box?limit=1"),
            ("/api/sandbox/größe", "/api/sandbox/gr%C3%B6%C3%9Fe?limit=1"),
            ("/api/sandbox/../config", "/api/sandbox/../config?limit=1"),
            ("/api/sandbox/a\0b", "/api/sandbox/a%00b?limit=1"),
        ] {
            assert_eq!(restore(any, path, "limit=1"), restored);
        }
        assert_eq!(
            restore(any, "/api/sandbox", "at=2026-01-01T00%3A00%2B0000"),
            "/api/sandbox?at=2026-01-01T00%3A00%2B0000"
        );
        assert_eq!(restore(any, "/api/sandbox/a#b", ""), "/api/sandbox/a%23b");
    }

    #[test]
    fn an_encoded_path_is_left_alone() {
        assert_eq!(restore("$default", "/api/sandbox/a%23b", "x=1"), "/api/sandbox/a%23b?x=1");
    }
}
