//! S3: multipart uploads and presigned requests, the road of archives.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::context::Context;
use super::{Case, cases};

const PART: usize = 5 * 1024 * 1024;
const VALID: Duration = Duration::from_secs(600);

pub fn cases() -> Vec<Case> {
    cases! { "S3":
        "multipart with ChecksumAlgorithm CRC32 joins its parts" => multipart,
        "an aborted upload leaves nothing" => aborted,
        "presigned PUT and GET work without credentials" => presigned,
        "a presigned part upload works" => presigned_part,
        "a presigned URL for another key is refused" => tampered,
    }
}

async fn begin(context: &Context, key: &str) -> anyhow::Result<String> {
    let begin = context.s3.create_multipart_upload().bucket(&context.bucket).key(key);
    let begun = begin.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await?;
    begun.upload_id.context("no UploadId")
}

async fn multipart(context: &Context) -> anyhow::Result<()> {
    let upload = begin(context, "archive").await?;
    let parts = [vec![1_u8; PART], vec![2_u8; PART], vec![3_u8; 100]];
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(&parts) {
        let send =
            context.s3.upload_part().bucket(&context.bucket).key("archive").upload_id(&upload).part_number(number);
        let sent =
            send.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(part.clone())).send().await?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
        completed = completed.parts(part.set_checksum_crc32(sent.checksum_crc32).build());
    }
    let complete = context.s3.complete_multipart_upload().bucket(&context.bucket).key("archive").upload_id(&upload);
    complete.multipart_upload(completed.build()).send().await?;
    let got = context.s3.get_object().bucket(&context.bucket).key("archive").send().await?;
    ensure!(got.body.collect().await?.into_bytes() == parts.concat(), "the object is not its parts");
    Ok(())
}

async fn aborted(context: &Context) -> anyhow::Result<()> {
    let upload = begin(context, "given-up").await?;
    let part = context.s3.upload_part().bucket(&context.bucket).key("given-up").upload_id(&upload).part_number(1);
    part.body(ByteStream::from_static(b"part")).send().await?;
    context.s3.abort_multipart_upload().bucket(&context.bucket).key("given-up").upload_id(&upload).send().await?;
    let list = context.s3.list_parts().bucket(&context.bucket).key("given-up").upload_id(&upload).send().await;
    let error = list.err().context("it is listed")?;
    ensure!(error.code() == Some("NoSuchUpload"), "{}", DisplayErrorContext(error));
    let head = context.s3.head_object().bucket(&context.bucket).key("given-up").send().await;
    ensure!(head.is_err_and(|error| error.as_service_error().is_some_and(|it| it.is_not_found())), "the object exists");
    Ok(())
}

/// Sends as a runner would: no SDK, no credentials, only what was signed.
async fn send(request: &PresignedRequest, url: &str, body: Vec<u8>) -> anyhow::Result<(u16, Vec<u8>, Option<String>)> {
    let mut plain = http::Request::builder().method(request.method()).uri(url);
    for (name, value) in request.headers() {
        plain = plain.header(name, value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(plain.body(Body::from(body))?).await?;
    let etag = answer.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = answer.status().as_u16();
    Ok((status, answer.into_body().collect().await?.to_bytes().to_vec(), etag))
}

async fn presigned(context: &Context) -> anyhow::Result<()> {
    let put = context.s3.put_object().bucket(&context.bucket).key("signed");
    let put = put.presigned(PresigningConfig::expires_in(VALID)?).await?;
    let (status, body, _) = send(&put, put.uri(), b"signed body".to_vec()).await?;
    ensure!(status == 200, "PUT {status}: {}", String::from_utf8_lossy(&body));
    let get = context.s3.get_object().bucket(&context.bucket).key("signed");
    let get = get.presigned(PresigningConfig::expires_in(VALID)?).await?;
    let (status, body, _) = send(&get, get.uri(), Vec::new()).await?;
    ensure!(status == 200 && body == b"signed body", "GET {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

async fn presigned_part(context: &Context) -> anyhow::Result<()> {
    let begun = context.s3.create_multipart_upload().bucket(&context.bucket).key("signed-part").send().await?;
    let upload = begun.upload_id.context("no UploadId")?;
    let part = context.s3.upload_part().bucket(&context.bucket).key("signed-part").upload_id(&upload).part_number(1);
    let part = part.presigned(PresigningConfig::expires_in(VALID)?).await?;
    let (status, body, etag) = send(&part, part.uri(), b"only part".to_vec()).await?;
    ensure!(status == 200, "PUT {status}: {}", String::from_utf8_lossy(&body));
    let part = CompletedPart::builder().part_number(1).set_e_tag(etag).build();
    let complete = context.s3.complete_multipart_upload().bucket(&context.bucket).key("signed-part").upload_id(&upload);
    complete.multipart_upload(CompletedMultipartUpload::builder().parts(part).build()).send().await?;
    let got = context.s3.get_object().bucket(&context.bucket).key("signed-part").send().await?;
    ensure!(got.body.collect().await?.into_bytes().as_ref() == b"only part", "body");
    Ok(())
}

async fn tampered(context: &Context) -> anyhow::Result<()> {
    super::objects::put(context, "secret", b"secret").await?;
    let get = context.s3.get_object().bucket(&context.bucket).key("public");
    let get = get.presigned(PresigningConfig::expires_in(VALID)?).await?;
    let (status, _, _) = send(&get, &get.uri().replace("/public", "/secret"), Vec::new()).await?;
    ensure!((400..500).contains(&status), "answered {status}");
    Ok(())
}
