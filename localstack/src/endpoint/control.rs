//! What AWS has no word for: `/_paddock/health`, `/_paddock/stats`, `/_paddock/faults`.

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::{Endpoint, json as json_response, read};
use crate::faults::FaultPlan;

pub(super) async fn answer(endpoint: &Endpoint, path: &str, request: Request<Incoming>) -> Response<Body> {
    match (request.method(), path) {
        (&Method::GET, "health") => {
            let functions: Vec<&str> = endpoint.functions.iter().map(|spec| spec.name.as_str()).collect();
            json_response(StatusCode::OK, &json!({ "status": "ok", "functions": functions }))
        }
        (&Method::GET, "stats") => json_response(StatusCode::OK, &endpoint.stats.counted()),
        (&Method::POST, "stats/reset") => {
            endpoint.stats.reset();
            json_response(StatusCode::OK, &json!({ "status": "ok" }))
        }
        (&Method::GET, "faults") => json_response(StatusCode::OK, &endpoint.faults.plan()),
        (&Method::POST, "faults") => set_faults(endpoint, request).await,
        _ => json_response(StatusCode::NOT_FOUND, &json!({ "message": "unknown path" })),
    }
}

async fn set_faults(endpoint: &Endpoint, request: Request<Incoming>) -> Response<Body> {
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    match serde_json::from_slice::<FaultPlan>(&body) {
        Ok(plan) => {
            tracing::warn!(?plan, "faults set");
            endpoint.faults.set(plan.clone());
            json_response(StatusCode::OK, &plan)
        }
        Err(error) => json_response(StatusCode::BAD_REQUEST, &json!({ "message": error.to_string() })),
    }
}
