//! `POST /files/upload`, `POST /files/upload-v2`: one file.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::body::BodyDataStream;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use futures::StreamExt;
use paddock_wire::toolbox::files::Uploaded;

use super::PathQuery;
use crate::files::upload::Upload;
use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult, text_of};
use crate::http::extract::{QueryParams, lend_body};

/// The part that is the file.
const FILE_PART: &str = "file";

pub async fn upload(daemon: State<Arc<Daemon>>, query: QueryParams<PathQuery>, request: Request) -> ApiResult<()> {
    if !is_multipart(&request) {
        lend_body(request).1.drain().await;
        return Err(ApiError::bad_request("the body must be multipart/form-data with a part named file"));
    }
    upload_v2(daemon, query, request).await.map(|_| ())
}

pub async fn upload_v2(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
    request: Request,
) -> ApiResult<Json<Uploaded>> {
    let path = daemon.resolve_file(&query.path);
    let (request, rest) = lend_body(request);
    let received = match &path {
        Ok(path) if is_multipart(&request) => receive_form(request, path).await,
        Ok(path) => receive_body(request.into_body().into_data_stream(), path).await,
        // Told below, once the body was read.
        Err(_) => Ok(()),
    };
    rest.drain().await;
    received?;
    let path = path?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Json(Uploaded { name, path: text_of(&path), kind: "file".to_owned() }))
}

async fn receive_form(request: Request, path: &Path) -> ApiResult<()> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| ApiError::bad_request(error.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| ApiError::bad_request(error.body_text()))? {
        if field.name() == Some(FILE_PART) {
            return receive_field(field, Upload::create(path).await?).await.map(|_| ());
        }
    }
    Err(ApiError::bad_request("the form has no part named file"))
}

/// Writes one part of a form; returns its size.
pub async fn receive_field(mut field: Field<'_>, mut upload: Upload) -> ApiResult<u64> {
    while let Some(chunk) = field.chunk().await.map_err(|error| ApiError::bad_request(error.body_text()))? {
        upload.write(&chunk).await?;
    }
    Ok(upload.finish().await?)
}

/// As above, the whole body.
async fn receive_body(mut body: BodyDataStream, path: &Path) -> ApiResult<()> {
    let mut upload = Upload::create(path).await?;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| ApiError::bad_request(format!("the body could not be read: {error}")))?;
        upload.write(&chunk).await?;
    }
    upload.finish().await?;
    Ok(())
}

fn is_multipart(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}
