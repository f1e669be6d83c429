//! `GET /files/download`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use paddock_wire::toolbox::error::code;
use time::OffsetDateTime;
use time::macros::format_description;

use super::PathQuery;
use super::disposition::of_answer;
use crate::files::download::{Download, Span, span};
use crate::http::Daemon;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::QueryParams;

pub async fn download(
    State(daemon): State<Arc<Daemon>>,
    QueryParams(query): QueryParams<PathQuery>,
    request: HeaderMap,
) -> ApiResult<Response> {
    let path = daemon.resolve(&query.path)?;
    let mut download = Download::open(&path).await?;
    let size = download.size;
    let modified = http_date(download.modified);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut headers = vec![
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; {}", of_answer(&name))),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (LAST_MODIFIED, modified.clone()),
    ];
    match span(wanted_range(&request, &modified), size) {
        Span::Unsatisfiable => Ok(unsatisfiable(size)),
        Span::Part(first, last) => {
            download.seek(first).await?;
            headers.push((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            Ok(answer(StatusCode::PARTIAL_CONTENT, headers, download, Some(last - first + 1)))
        }
        // Files that the kernel makes up have no size; their answer has no length.
        Span::Whole => Ok(answer(StatusCode::OK, headers, download, (size > 0).then_some(size))),
    }
}

fn answer(
    status: StatusCode,
    mut headers: Vec<(HeaderName, String)>,
    download: Download,
    length: Option<u64>,
) -> Response {
    headers.extend(length.map(|length| (CONTENT_LENGTH, length.to_string())));
    let body = Body::from_stream(download.into_stream(length.unwrap_or(u64::MAX)));
    let mut response = (status, body).into_response();
    let pairs = headers.into_iter().filter_map(|(name, value)| Some((name, value.parse().ok()?)));
    response.headers_mut().extend(pairs);
    response
}

/// A range counts only for the version that the caller has part of.
fn wanted_range<'a>(request: &'a HeaderMap, modified: &str) -> Option<&'a str> {
    let text = |name| request.get(name).and_then(|value| value.to_str().ok());
    text(RANGE).filter(|_| text(IF_RANGE).is_none_or(|version| version == modified))
}

fn unsatisfiable(size: u64) -> Response {
    let message = format!("the range lies outside of the file's {size} bytes");
    let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, code::RANGE_NOT_SATISFIABLE, message);
    ([(CONTENT_RANGE, format!("bytes */{size}"))], error).into_response()
}

fn http_date(time: OffsetDateTime) -> String {
    let layout =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    time.format(layout).unwrap_or_default()
}
