//! Payload format 2.0: an HTTP request to an event, a function's result to an HTTP response.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::routes::Match;
use crate::template::ACCOUNT;

/// Whose rules hold: the two front doors differ in small things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// API Gateway HTTP API: the path arrives decoded.
    HttpApi,
    /// Function URL: the path arrives as it was sent.
    FunctionUrl,
}

/// The event for a request whose body was read.
pub(super) fn event(
    door: Door,
    parts: &http::request::Parts,
    body: &Bytes,
    source: IpAddr,
    matched: &Match,
    request_id: &str,
) -> Vec<u8> {
    let raw_path = match door {
        Door::HttpApi => decode(parts.uri.path()),
        Door::FunctionUrl => parts.uri.path().to_owned(),
    };
    let query = parts.uri.query().unwrap_or_default();
    let host = header_text(&parts.headers, &header::HOST);
    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.route_key,
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": headers(&parts.headers, source, &host),
        "requestContext": context(parts, &raw_path, source, matched, request_id, &host),
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = query_parameters(query);
    }
    if !matched.parameters.is_empty() {
        let decoded = matched.parameters.iter().map(|(name, value)| (name.clone(), decode(value)));
        event["pathParameters"] = json!(decoded.collect::<BTreeMap<_, _>>());
    }
    let (body, encoded) = body_text(&parts.headers, body);
    if let Some(body) = body {
        event["body"] = Value::String(body);
    }
    event["isBase64Encoded"] = Value::Bool(encoded);
    serde_json::to_vec(&event).unwrap_or_default()
}

fn context(
    parts: &http::request::Parts,
    path: &str,
    source: IpAddr,
    matched: &Match,
    request_id: &str,
    host: &str,
) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let format = time::macros::format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let domain = host.split(':').next().unwrap_or_default();
    json!({
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": parts.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": source.to_string(),
            "userAgent": header_text(&parts.headers, &header::USER_AGENT),
        },
        "requestId": request_id,
        "routeKey": matched.route_key,
        "stage": "$default",
        "time": time::OffsetDateTime::now_utc().format(&format).unwrap_or_default(),
        "timeEpoch": u64::try_from(now.as_millis()).unwrap_or_default(),
    })
}

/// Lower case, repeated ones joined by a comma, cookies apart, hop-by-hop ones dropped, forwarding
/// ones added.
fn headers(headers: &HeaderMap, source: IpAddr, host: &str) -> Value {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        if *name == header::COOKIE || is_hop_by_hop(name) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        let entry = joined.entry(name.as_str()).or_default();
        if !entry.is_empty() {
            entry.push(',');
        }
        entry.push_str(&value);
    }
    let forwarded = joined.entry("x-forwarded-for").or_default();
    if !forwarded.is_empty() {
        forwarded.push_str(", ");
    }
    forwarded.push_str(&source.to_string());
    joined.insert("x-forwarded-proto", "http".into());
    joined.insert("x-forwarded-port", host.rsplit_once(':').map_or("80", |(_, port)| port).into());
    json!(joined)
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding" | "upgrade"
    )
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(header::COOKIE).iter();
    all.flat_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split(';').map(|cookie| cookie.trim().to_owned()).filter(|cookie| !cookie.is_empty()).collect::<Vec<_>>()
    })
    .collect()
}

fn query_parameters(query: &str) -> Value {
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(&value.replace('+', " "));
        match parameters.get_mut(&decode(&name.replace('+', " "))) {
            Some(Value::String(joined)) => {
                joined.push(',');
                joined.push_str(&value);
            }
            _ => {
                parameters.insert(decode(&name.replace('+', " ")), value.into());
            }
        }
    }
    Value::Object(parameters)
}

/// Text stays text; everything else, and everything compressed, goes in base64.
fn body_text(headers: &HeaderMap, body: &Bytes) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = header_text(headers, &header::CONTENT_TYPE).to_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let textual = kind.starts_with("text/")
        || matches!(kind, "application/json" | "application/xml" | "application/javascript")
        || kind.ends_with("+json");
    if textual
        && !headers.contains_key(header::CONTENT_ENCODING)
        && let Ok(text) = std::str::from_utf8(body)
    {
        return (Some(text.to_owned()), false);
    }
    (Some(BASE64.encode(body)), true)
}

/// The response for what the function gave back; `None` when that is no response at all.
pub(super) fn response(result: &Bytes) -> Option<Response<Body>> {
    let value: Value = serde_json::from_slice(result).ok()?;
    if value["statusCode"].is_null() {
        // Format 2.0 infers: anything else is the body of a 200.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Some(response);
    }
    let status = value["statusCode"].as_u64().or_else(|| value["statusCode"].as_str()?.parse().ok())?;
    let body = value["body"].as_str().unwrap_or_default();
    let body = if value["isBase64Encoded"] == true { BASE64.decode(body).ok()? } else { body.as_bytes().to_vec() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    for (name, value) in value["headers"].as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (name, value) = (HeaderName::try_from(name).ok()?, HeaderValue::from_str(&text).ok()?);
        if name != header::CONTENT_LENGTH && !is_hop_by_hop(&name) {
            headers.insert(name, value);
        }
    }
    for cookie in value["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(cookie).ok()?);
    }
    Some(response)
}

/// A gateway's own answer.
pub(super) fn message(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn header_text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
