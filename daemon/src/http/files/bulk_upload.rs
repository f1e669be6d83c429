//! `POST /files/bulk-upload`: parts `files[<i>].path` and `files[<i>].file`, the path first.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request, State};
use paddock_wire::toolbox::files::{BulkUploaded, BulkUploadedFile};
use serde_json::json;

use super::upload::receive_field;
use crate::files::upload::Upload;
use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::lend_body;

/// Longer than any path; what does not fit is no path.
const LONGEST_PATH_PART: usize = 16 * 1024;
/// Clients send all paths first: as many bytes of them as any JSON body may have.
const ALL_PATHS: usize = crate::http::extract::BODY_LIMIT;

/// A part that we know.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Path(u64),
    File(u64),
}

/// What arrived so far.
#[derive(Debug, Default)]
struct Received {
    paths: HashMap<u64, String>,
    path_bytes: usize,
    files: Vec<BulkUploadedFile>,
    errors: Vec<String>,
}

pub async fn bulk_upload(State(daemon): State<Arc<Daemon>>, request: Request) -> ApiResult<Json<BulkUploaded>> {
    let mut received = Received::default();
    let (request, rest) = lend_body(request);
    match Multipart::from_request(request, &()).await {
        Ok(mut form) => {
            if let Err(error) = receive(&daemon, &mut form, &mut received).await {
                received.errors.push(error.body_text());
            }
        }
        Err(error) => received.errors.push(error.body_text()),
    }
    rest.drain().await;
    let Received { files, errors, .. } = received;
    if errors.is_empty() {
        return Ok(Json(BulkUploaded { files }));
    }
    Err(ApiError::bad_request(errors.join("; ")).with("errors", json!(errors)).with("files", json!(files)))
}

/// To the end of the form, whatever becomes of single files.
async fn receive(daemon: &Daemon, form: &mut Multipart, received: &mut Received) -> Result<(), MultipartError> {
    while let Some(mut field) = form.next_field().await? {
        match field.name().and_then(part) {
            Some(Part::Path(index)) => match path_text(&mut field).await? {
                Some(path) => received.remember(index, path),
                None => received.errors.push(format!("file[{index}]: the path is too long")),
            },
            Some(Part::File(index)) => match store(daemon, received.paths.remove(&index), field).await {
                Ok(file) => received.files.push(file),
                Err(error) => received.errors.push(format!("file[{index}]: {}", error.message)),
            },
            None => {}
        }
    }
    Ok(())
}

impl Received {
    fn remember(&mut self, index: u64, path: String) {
        self.path_bytes += path.len();
        if self.path_bytes > ALL_PATHS {
            return self.errors.push(format!("file[{index}]: too many paths"));
        }
        self.paths.insert(index, path);
    }
}

async fn store(daemon: &Daemon, path: Option<String>, field: Field<'_>) -> ApiResult<BulkUploadedFile> {
    let path = path.ok_or_else(|| ApiError::bad_request("missing .path metadata"))?;
    let upload = Upload::create(&daemon.resolve_file(&path)?).await?;
    let bytes = receive_field(field, upload).await?;
    Ok(BulkUploadedFile { path, bytes })
}

/// None when it is too long to be a path; the rest is read and dropped.
async fn path_text(field: &mut Field<'_>) -> Result<Option<String>, MultipartError> {
    let (mut text, mut too_long) = (Vec::new(), false);
    while let Some(chunk) = field.chunk().await? {
        too_long |= text.len() + chunk.len() > LONGEST_PATH_PART;
        if !too_long {
            text.extend_from_slice(&chunk);
        }
    }
    Ok((!too_long).then(|| String::from_utf8_lossy(&text).into_owned()))
}

fn part(name: &str) -> Option<Part> {
    let (index, kind) = name.strip_prefix("files[")?.split_once("].")?;
    let index = index.parse().ok()?;
    match kind {
        "path" => Some(Part::Path(index)),
        "file" => Some(Part::File(index)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_names() {
        assert_eq!(part("files[0].path"), Some(Part::Path(0)));
        assert_eq!(part("files[12].file"), Some(Part::File(12)));
        for unknown in ["file", "files[].path", "files[x].file", "files[1].name", "files[1]path"] {
            assert_eq!(part(unknown), None, "{unknown}");
        }
    }
}
