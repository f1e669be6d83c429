//! S3, as far as functions and runners use it: uploads in parts, presigned requests, deletion.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use paddock_model::entropy;
use reqwest::Url;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

#[derive(Default)]
pub struct Bucket(Mutex<Content>);

#[derive(Default)]
struct Content {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, Upload>,
}

struct Upload {
    key: String,
    parts: BTreeMap<u32, Vec<u8>>,
}

/// What a request is about.
struct Target {
    key: String,
    query: BTreeMap<String, String>,
}

impl Bucket {
    /// What functions ask.
    pub fn call(&self, method: &str, uri: &str, body: &[u8]) -> (u16, String) {
        let Some(Target { key, query }) = target(uri) else { return (400, String::new()) };
        let mut content = self.lock();
        match (method, query.get("uploadId")) {
            ("POST", None) => {
                let id = entropy::uuid().simple().to_string();
                let xml = format!(
                    "{XML}<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                );
                content.uploads.insert(id, Upload { key, parts: BTreeMap::new() });
                (200, xml)
            }
            ("POST", Some(upload)) => complete(&mut content, upload, &String::from_utf8_lossy(body)),
            ("HEAD", _) => (if content.objects.contains_key(&key) { 200 } else { 404 }, String::new()),
            ("GET", Some(upload)) if content.uploads.contains_key(upload) => {
                (200, format!("{XML}<ListPartsResult></ListPartsResult>"))
            }
            ("GET", Some(_)) => no_such_upload(),
            ("DELETE", Some(upload)) => match content.uploads.remove(upload) {
                Some(_) => (204, String::new()),
                None => no_such_upload(),
            },
            ("DELETE", None) => {
                content.objects.remove(&key);
                (204, String::new())
            }
            _ => (405, String::new()),
        }
    }

    /// A presigned `PUT`: the `ETag`, unless the upload is unknown.
    pub fn put_part(&self, url: &str, bytes: &[u8]) -> Option<String> {
        let Target { key, query } = target(url)?;
        let mut content = self.lock();
        let upload = content.uploads.get_mut(query.get("uploadId")?).filter(|upload| upload.key == key)?;
        upload.parts.insert(query.get("partNumber")?.parse().ok()?, bytes.to_vec());
        Some(etag(bytes))
    }

    /// A presigned `GET`.
    pub fn get(&self, url: &str) -> Option<Vec<u8>> {
        self.object(&target(url)?.key)
    }

    /// By its key.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().objects.get(key).cloned()
    }

    /// Keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn complete(content: &mut Content, upload: &str, list: &str) -> (u16, String) {
    let Some(Upload { key, parts }) = content.uploads.get(upload) else { return no_such_upload() };
    let whole = !parts.is_empty()
        && list.matches("<ETag>").count() == parts.len()
        && parts.values().all(|part| list.contains(&etag(part).replace('"', "&quot;")) || list.contains(&etag(part)));
    if !whole {
        return (400, error("InvalidPart"));
    }
    let (key, bytes) = (key.clone(), parts.values().flatten().copied().collect());
    content.uploads.remove(upload);
    content.objects.insert(key, bytes);
    (200, format!("{XML}<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"))
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", digest(bytes))
}

/// SHA-256 hex.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

fn no_such_upload() -> (u16, String) {
    (404, error("NoSuchUpload"))
}

fn error(code: &str) -> String {
    format!("{XML}<Error><Code>{code}</Code><Message>{code}</Message></Error>")
}

fn target(uri: &str) -> Option<Target> {
    let url = Url::parse(uri).or_else(|_| Url::parse(&format!("https://s3{uri}"))).ok()?;
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    // Path style: the bucket is first.
    let (_, key) = url.path().trim_start_matches('/').split_once('/')?;
    Some(Target { key: key.to_owned(), query })
}
