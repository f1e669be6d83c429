//! The bucket. No other module calls S3, and no byte of an object passes through here: runners move them by presigned
//! requests.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::RequestChecksumCalculation,
    error::{DisplayErrorContext, SdkError},
    presigning::PresigningConfig,
    types::{CompletedMultipartUpload, CompletedPart},
};

/// How long a presigned request is good for.
const GOOD_FOR: Duration = Duration::from_secs(3600);

/// What S3 did not do.
#[derive(Debug, thiserror::Error)]
#[error("S3: {0}")]
pub struct Error(String);

impl<E: std::error::Error + Send + Sync + 'static, R: std::fmt::Debug + Send + Sync + 'static> From<SdkError<E, R>>
    for Error
{
    fn from(error: SdkError<E, R>) -> Self {
        Self(DisplayErrorContext(error).to_string())
    }
}

/// The bucket and the way to it.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    bucket: String,
}

impl Objects {
    /// Wraps a client of this configuration; makes no call.
    pub fn new(aws: &aws_config::SdkConfig, bucket: String) -> Self {
        let settings = aws_sdk_s3::config::Builder::from(aws)
            // An endpoint of one's own seldom has a host name for each bucket.
            .force_path_style(aws.endpoint_url().is_some())
            // A checksum in a presigned request would be that of no content; the layer has its own digest.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self { client: Client::from_conf(settings), bucket }
    }

    /// A `GET` of the object, signed; makes no call.
    pub async fn presign_get(&self, key: &str) -> Result<String, Error> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        Ok(request.presigned(good()?).await?.uri().to_owned())
    }

    /// A `PUT` of a part, signed; makes no call.
    pub async fn presign_part(&self, key: &str, upload: &str, part: i32) -> Result<String, Error> {
        let request = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(upload).part_number(part);
        Ok(request.presigned(good()?).await?.uri().to_owned())
    }

    /// Begins an upload in parts; its id.
    pub async fn begin(&self, key: &str) -> Result<String, Error> {
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(key).send().await?;
        begun.upload_id.ok_or_else(|| Error("an upload without an id".to_owned()))
    }

    /// The upload is under way.
    pub async fn knows(&self, key: &str, upload: &str) -> Result<bool, Error> {
        let request = self.client.list_parts().bucket(&self.bucket).key(key).upload_id(upload).max_parts(1);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("NoSuchUpload") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an object of the parts; false when there is no such upload (any more).
    pub async fn complete(&self, key: &str, upload: &str, etags: &[String]) -> Result<bool, Error> {
        let parts = etags.iter().zip(1..).map(|(etag, n)| CompletedPart::builder().part_number(n).e_tag(etag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        match request.multipart_upload(parts).send().await {
            Ok(_) => Ok(true),
            // An earlier answer was lost; what the refusal is called differs between implementations.
            Err(error) if error.as_service_error().is_some() && self.exists(key).await? => Ok(true),
            Err(error) if code(&error) == Some("NoSuchUpload") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The object is there.
    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends an upload and forgets its parts; none of that id is fine.
    pub async fn abort(&self, key: &str, upload: &str) -> Result<(), Error> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("NoSuchUpload") => Ok(()),
            // Whatever it was: unfinished uploads end by the bucket's own rule.
            Err(error) if error.as_service_error().is_some() => {
                tracing::warn!(error = %DisplayErrorContext(error), "upload not aborted");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes an object; one that is not there is fine.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.client.delete_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some() && !self.exists(key).await? => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn good() -> Result<PresigningConfig, Error> {
    PresigningConfig::expires_in(GOOD_FOR).map_err(|problem| Error(problem.to_string()))
}

fn code<E: aws_sdk_s3::error::ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(|error| error.code())
}
