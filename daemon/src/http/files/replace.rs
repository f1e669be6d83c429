//! `POST /files/replace`.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use paddock_wire::toolbox::files::{Replace, Replaced};

use crate::files::{FileResult, place, replace};
use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::JsonBody;
use crate::http::stream::blocking;

pub async fn replace(
    State(daemon): State<Arc<Daemon>>,
    JsonBody(request): JsonBody<Replace>,
) -> ApiResult<Json<Vec<Replaced>>> {
    if request.files.is_empty() || request.pattern.is_empty() {
        return Err(ApiError::bad_request("files and pattern are required"));
    }
    let work_dir = daemon.work_dir.clone();
    blocking(move || Ok(Json(replace_all(&work_dir, request)))).await
}

/// Each file for itself: one that fails does not keep the others from being changed.
fn replace_all(work_dir: &Path, request: Replace) -> Vec<Replaced> {
    let Replace { files, pattern, new_value } = request;
    let new_value = new_value.unwrap_or_default();
    let one =
        |file: &str| -> FileResult<()> { replace::replace(&place::resolve(work_dir, file)?, &pattern, &new_value) };
    files
        .into_iter()
        .map(|file| {
            let error = one(&file).err().map(|error| error.to_string());
            Replaced { success: error.is_none(), file, error }
        })
        .collect()
}
