//! DynamoDB in front of the engine: counts calls and capacity, injects faults, rings the bell that
//! wakes stream readers.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Endpoint, aws_error, read};
use crate::faults::WriteFault;
use crate::http_server::LostAnswer;

pub(super) async fn answer(
    endpoint: &Endpoint,
    operation: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, LostAnswer> {
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(answer) => return Ok(*answer),
    };
    let write = is_write(operation);
    let fault = if write { endpoint.faults.on_write() } else { None };
    if fault.is_some() {
        endpoint.stats.dynamodb_fault(operation);
    }
    if let Some(refusal) = fault.and_then(|fault| refusal(fault, operation, &body)) {
        endpoint.stats.dynamodb(operation, true, 0.0);
        return Ok(refusal);
    }
    let counted = reports_capacity(operation);
    let body = if counted { ask_for_capacity(body) } else { body };
    let response = match endpoint.dynamodb.forward(&parts, body).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, operation, "dynamodb engine");
            return Ok(aws_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", &error.to_string()));
        }
    };
    let succeeded = response.status().is_success();
    let units = if counted && succeeded { capacity(response.body()) } else { 0.0 };
    endpoint.stats.dynamodb(operation, !succeeded || fault.is_some(), units);
    if write && succeeded {
        endpoint.table_written.send_replace(());
    }
    match fault {
        Some(WriteFault::ClosedConnection) => Err(LostAnswer),
        Some(WriteFault::LostAnswer) => Ok(aws_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "com.amazonaws.dynamodb.v20120810#InternalServerError",
            "Internal server error",
        )),
        _ => Ok(response.map(Body::from)),
    }
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}

fn reports_capacity(operation: &str) -> bool {
    is_write(operation) || matches!(operation, "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems")
}

/// An answer for faults that keep the write from being done.
fn refusal(fault: WriteFault, operation: &str, body: &[u8]) -> Option<Response<Body>> {
    let (single, code) = match fault {
        WriteFault::Throttle => ("ProvisionedThroughputExceededException", "ThrottlingError"),
        WriteFault::Conflict => ("TransactionConflictException", "TransactionConflict"),
        WriteFault::LostAnswer | WriteFault::ClosedConnection => return None,
    };
    if operation == "TransactWriteItems" {
        return Some(cancelled(code, body));
    }
    let kind = format!("com.amazonaws.dynamodb.v20120810#{single}");
    Some(aws_error(StatusCode::BAD_REQUEST, &kind, "injected by the local stack"))
}

fn cancelled(code: &str, body: &[u8]) -> Response<Body> {
    let items = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|request| request["TransactItems"].as_array().map(Vec::len))
        .unwrap_or(1);
    let reasons: Vec<Value> = (0..items)
        .map(|index| match index {
            0 => json!({ "Code": code, "Message": "injected by the local stack" }),
            _ => json!({ "Code": "None" }),
        })
        .collect();
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message,
        "CancellationReasons": reasons,
    });
    let mut response = super::json(StatusCode::BAD_REQUEST, &body);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

/// The engine reports capacity only when asked; clients ignore a field they did not ask for.
fn ask_for_capacity(body: Bytes) -> Bytes {
    const KEY: &[u8] = b"ReturnConsumedCapacity";
    let asked = body.windows(KEY.len()).any(|window| window == KEY);
    match body.first() {
        Some(b'{') if !asked => {
            let mut extended = br#"{"ReturnConsumedCapacity":"TOTAL","#.to_vec();
            extended.extend_from_slice(&body[1..]);
            extended.into()
        }
        _ => body,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    #[serde(default)]
    consumed_capacity: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Units),
    Many(Vec<Units>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Units {
    #[serde(default)]
    capacity_units: f64,
}

fn capacity(body: &[u8]) -> f64 {
    match serde_json::from_slice::<Consumed>(body).ok().and_then(|consumed| consumed.consumed_capacity) {
        Some(OneOrMany::One(units)) => units.capacity_units,
        Some(OneOrMany::Many(many)) => many.iter().map(|units| units.capacity_units).sum(),
        None => 0.0,
    }
}
