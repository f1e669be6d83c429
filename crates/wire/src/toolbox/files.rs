//! The file routes. Bulk upload, bulk download and download carry bytes; their parts are named here.

use serde::{Deserialize, Serialize};

/// One file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileInfo {
    /// Base name.
    pub name: String,
    /// Full path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bytes.
    pub size: u64,
    /// As `ls` writes it: `-rw-r--r--`.
    pub mode: String,
    /// `2025-01-02 03:04:05.678 +0000 UTC`; required by all clients.
    pub mod_time: String,
    /// RFC 3339.
    pub modified_at: String,
    pub is_dir: bool,
    /// Numeric user id.
    pub owner: String,
    /// Numeric group id.
    pub group: String,
    /// Four octal digits: `0644`.
    pub permissions: String,
}

/// `POST /files/bulk-download`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkDownload {
    /// Answered part by part, in this order.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// Boundary of the bulk download's answer.
pub const DOWNLOAD_BOUNDARY: &str = "DAYTONA-FILE-BOUNDARY";

/// Answer of `POST /files/upload-v2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// Base name.
    pub name: String,
    /// Where it went.
    pub path: String,
    /// Always `file`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Answer of `POST /files/bulk-upload`; its failure adds `errors`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkUploaded {
    pub files: Vec<BulkUploadedFile>,
}

/// One file of a bulk upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkUploadedFile {
    /// The destination.
    pub path: String,
    /// Written.
    pub bytes: u64,
}

/// One line found by `GET /files/find`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    pub file: String,
    /// From 1.
    pub line: u64,
    /// The whole line.
    pub content: String,
}

/// `POST /files/replace`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replace {
    #[serde(default)]
    pub files: Vec<String>,
    /// Plain text.
    #[serde(default)]
    pub pattern: String,
    /// Absent means "".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_value: Option<String>,
}

/// What became of one file of a replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    pub file: String,
    pub success: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
