//! S3: single objects and listings.

use anyhow::{Context as _, ensure};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::context::Context;
use super::{Case, cases};

pub fn cases() -> Vec<Case> {
    cases! { "S3":
        "put, get, head with metadata and content type" => put_get_head,
        "put with If-None-Match: * is refused with 412 when the key exists" => put_if_absent,
        "a range is answered with that range" => range,
        "a key that is not there is a typed error" => not_there,
        "delete_objects deletes all, there or not" => delete_many,
        "a listing pages by prefix and folds by delimiter" => listing,
        "copy keeps body and metadata" => copy,
    }
}

pub async fn put(context: &Context, key: &str, body: &[u8]) -> anyhow::Result<()> {
    let put = context.s3.put_object().bucket(&context.bucket).key(key);
    put.body(ByteStream::from(body.to_vec())).send().await?;
    Ok(())
}

async fn put_get_head(context: &Context) -> anyhow::Result<()> {
    let put = context.s3.put_object().bucket(&context.bucket).key("diffs/org/one");
    let put =
        put.content_type("application/zstd").metadata("digest", "sha256:1").body(ByteStream::from_static(b"body"));
    let etag = put.send().await?.e_tag.context("no ETag")?;
    let got = context.s3.get_object().bucket(&context.bucket).key("diffs/org/one").send().await?;
    ensure!(got.content_type() == Some("application/zstd"), "type {:?}", got.content_type());
    ensure!(got.metadata().and_then(|all| all.get("digest")).map(String::as_str) == Some("sha256:1"), "metadata");
    ensure!(got.body.collect().await?.into_bytes().as_ref() == b"body", "body");
    let head = context.s3.head_object().bucket(&context.bucket).key("diffs/org/one").send().await?;
    ensure!(head.content_length() == Some(4), "length {:?}", head.content_length());
    ensure!(head.e_tag() == Some(&etag), "ETag {:?} after {etag}", head.e_tag());
    Ok(())
}

async fn put_if_absent(context: &Context) -> anyhow::Result<()> {
    let put = |body: &'static [u8]| {
        let put = context.s3.put_object().bucket(&context.bucket).key("blobs/sha256/once").if_none_match("*");
        put.body(ByteStream::from_static(body)).send()
    };
    put(b"first").await?;
    let refused = put(b"second").await.err().context("accepted")?;
    let status = refused.raw_response().map(|response| response.status().as_u16());
    ensure!(status == Some(412), "status {status:?}");
    let got = context.s3.get_object().bucket(&context.bucket).key("blobs/sha256/once").send().await?;
    ensure!(got.body.collect().await?.into_bytes().as_ref() == b"first", "replaced all the same");
    Ok(())
}

async fn range(context: &Context) -> anyhow::Result<()> {
    put(context, "ranged", b"0123456789").await?;
    let got = context.s3.get_object().bucket(&context.bucket).key("ranged").range("bytes=2-4").send().await?;
    ensure!(got.content_range() == Some("bytes 2-4/10"), "range {:?}", got.content_range());
    ensure!(got.body.collect().await?.into_bytes().as_ref() == b"234", "body");
    Ok(())
}

async fn not_there(context: &Context) -> anyhow::Result<()> {
    let get = context.s3.get_object().bucket(&context.bucket).key("nowhere").send().await;
    ensure!(get.err().context("accepted")?.into_service_error().is_no_such_key(), "get is not NoSuchKey");
    let head = context.s3.head_object().bucket(&context.bucket).key("nowhere").send().await;
    ensure!(head.err().context("accepted")?.into_service_error().is_not_found(), "head is not NotFound");
    Ok(())
}

async fn delete_many(context: &Context) -> anyhow::Result<()> {
    put(context, "many/1", b"1").await?;
    put(context, "many/2", b"2").await?;
    let keys = ["many/1", "many/2", "many/never"].map(|key| ObjectIdentifier::builder().key(key).build());
    let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
    let delete = Delete::builder().set_objects(Some(keys)).build()?;
    let deleted = context.s3.delete_objects().bucket(&context.bucket).delete(delete).send().await?;
    ensure!(deleted.errors().is_empty(), "errors {:?}", deleted.errors());
    let left = context.s3.list_objects_v2().bucket(&context.bucket).prefix("many/").send().await?;
    ensure!(left.contents().is_empty(), "{} left", left.contents().len());
    Ok(())
}

async fn listing(context: &Context) -> anyhow::Result<()> {
    for key in ["list/a/1", "list/a/2", "list/b/1", "list/c", "list/d"] {
        put(context, key, b"x").await?;
    }
    let (mut keys, mut token) = (Vec::new(), None);
    for _ in 0..10 {
        let list = context.s3.list_objects_v2().bucket(&context.bucket).prefix("list/").max_keys(2);
        let page = list.set_continuation_token(token).send().await?;
        keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    ensure!(keys == ["list/a/1", "list/a/2", "list/b/1", "list/c", "list/d"], "keys {keys:?}");
    let list = context.s3.list_objects_v2().bucket(&context.bucket).prefix("list/").delimiter("/").send().await?;
    let folders: Vec<_> = list.common_prefixes().iter().filter_map(|prefix| prefix.prefix()).collect();
    let files: Vec<_> = list.contents().iter().filter_map(|object| object.key()).collect();
    ensure!(folders == ["list/a/", "list/b/"] && files == ["list/c", "list/d"], "{folders:?} and {files:?}");
    Ok(())
}

async fn copy(context: &Context) -> anyhow::Result<()> {
    let put = context.s3.put_object().bucket(&context.bucket).key("copy/from").metadata("a", "1");
    put.body(ByteStream::from_static(b"copied")).send().await?;
    let source = format!("{}/copy/from", context.bucket);
    context.s3.copy_object().bucket(&context.bucket).key("copy/to").copy_source(source).send().await?;
    let got = context.s3.get_object().bucket(&context.bucket).key("copy/to").send().await?;
    ensure!(got.metadata().is_some_and(|all| all.get("a").map(String::as_str) == Some("1")), "metadata");
    ensure!(got.body.collect().await?.into_bytes().as_ref() == b"copied", "body");
    Ok(())
}
