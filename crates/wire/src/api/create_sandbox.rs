//! What `POST /sandbox` takes. Types only: which combinations are allowed is for the functions to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sandbox::SandboxVolume;

/// Every key is optional, and null means absent.
///
/// Keys that this version cannot honour are listed too, so that they can be refused by name instead of being
/// silently dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateSandbox {
    /// Unique in the organization; default = the id.
    pub name: Option<String>,
    /// Id or name of the snapshot to start from; default = the deployment's default snapshot.
    pub snapshot: Option<String>,
    /// Operating-system user that commands run as.
    pub user: Option<String>,
    /// Environment variables.
    pub env: Option<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Previews need no token.
    pub public: Option<bool>,
    /// Not supported yet when true.
    pub network_block_all: Option<bool>,
    /// Not supported yet when true.
    pub kvm: Option<bool>,
    /// Not supported yet.
    pub network_allow_list: Option<String>,
    /// Not supported yet.
    pub domain_allow_list: Option<String>,
    /// Not supported yet.
    pub outbound_proxy_url: Option<String>,
    /// Not supported yet.
    pub otel_endpoint_override: Option<String>,
    /// Region id or name; default = the organization's default region.
    pub target: Option<String>,
    /// Only with `buildInfo`; a snapshot brings its own.
    pub cpu: Option<u32>,
    /// Only with `buildInfo`.
    pub gpu: Option<u32>,
    /// Only with `buildInfo`.
    pub gpu_type: Option<OneOrMany>,
    /// Not supported yet when true.
    pub spot: Option<bool>,
    /// GiB. Only with `buildInfo`.
    pub memory: Option<u32>,
    /// GiB. Only with `buildInfo`.
    pub disk: Option<u32>,
    /// Minutes without activity until it is stopped; 0 = never; default 15.
    pub auto_stop_interval: Option<i32>,
    /// Not supported yet when other than 0.
    pub auto_pause_interval: Option<i32>,
    /// Minutes stopped until it is archived; 0 = the maximum; default 10080.
    pub auto_archive_interval: Option<i32>,
    /// Minutes stopped until it is deleted; 0 = at once; negative = never, which is the default.
    pub auto_delete_interval: Option<i32>,
    /// Not supported yet when other than 0.
    pub ttl_minutes: Option<i32>,
    /// Not supported yet.
    pub queue_timeout: Option<i32>,
    /// Not supported yet when not empty.
    pub volumes: Option<Vec<SandboxVolume>>,
    /// Not supported yet.
    pub build_info: Option<CreateBuildInfo>,
    /// Not supported yet.
    pub linked_sandbox: Option<String>,
    /// Not supported yet when not empty.
    pub secrets: Option<Vec<BTreeMap<String, String>>>,
}

/// An image to build for one sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateBuildInfo {
    /// The Dockerfile.
    pub dockerfile_content: String,
    /// Hashes of the uploaded contexts.
    #[serde(default)]
    pub context_hashes: Option<Vec<String>>,
}

/// One value, or several in order of preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// `"H100"`
    One(String),
    /// `["H100", "H200"]`
    Many(Vec<String>),
}
