//! S3: `s3s` with the file system of `s3s-fs`, pinned exactly.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use s3s::access::S3Access;
use s3s::auth::SimpleAuth;
use s3s::dto::ListPartsInput;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Request, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::EngineError;

/// Clients must sign with this key, so that a broken presigned URL fails here as it would on AWS.
const ACCESS_KEY: &str = "test";
const SECRET_KEY: &str = "test";

/// S3 does not list the parts of an upload that has ended; the file system answers that there are none.
struct KnownUploads {
    root: PathBuf,
}

#[async_trait]
impl S3Access for KnownUploads {
    async fn list_parts(&self, request: &mut S3Request<ListPartsInput>) -> S3Result<()> {
        let id: uuid::Uuid = request.input.upload_id.parse().map_err(|_| s3_error!(NoSuchUpload))?;
        // Where the file system, whose version is pinned, notes an upload.
        let note = self.root.join(format!(".upload-{id}.json"));
        if note.exists() { Ok(()) } else { Err(s3_error!(NoSuchUpload)) }
    }
}

/// The running engine.
pub struct S3 {
    service: S3Service,
    root: PathBuf,
}

impl S3 {
    /// Serves the buckets under `root`, which is made when it is not there.
    pub fn open(root: &Path) -> Result<Self, EngineError> {
        let failed = |reason: String| EngineError::Open { engine: "s3", reason };
        std::fs::create_dir_all(root).map_err(|error| failed(error.to_string()))?;
        let files = FileSystem::new(root).map_err(|error| failed(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_access(KnownUploads { root: root.to_owned() });
        Ok(Self { service: builder.build(), root: root.to_owned() })
    }

    /// Answers a client's request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let service = self.service.clone();
        // S3 ends what it has begun, also when the client goes away: half an upload would be completed.
        let answered = tokio::spawn(async move { service.call(request.map(s3s::Body::from)).await });
        let answered = answered.await.map_err(|error| error.to_string());
        match answered.and_then(|answer| answer.map_err(|error| format!("{error:?}"))) {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(error, "s3 engine");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    /// Makes a bucket; one that exists stays as it is.
    pub fn ensure_bucket(&self, name: &str) -> Result<(), EngineError> {
        // To the engine a bucket is a folder under its root.
        std::fs::create_dir_all(self.root.join(name)).map_err(|error| EngineError::Refused {
            operation: format!("create bucket {name}"),
            reason: error.to_string(),
        })
    }
}
