//! Organizations, users, API keys, permissions, and who did something.

use std::{fmt, str::FromStr};

use crate::{
    id::{OrganizationId, RunnerId, UserId},
    time::Timestamp,
};

/// Owner of sandboxes, snapshots, keys and quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Identity.
    pub id: OrganizationId,
    /// For people.
    pub name: String,
    /// Creates and starts nothing until somebody lifts it.
    pub suspended: bool,
    /// Region of its sandboxes when a request names none.
    pub default_region: String,
    /// Birth.
    pub created_at: Timestamp,
}

/// A user in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// For people.
    pub name: String,
    /// For people.
    pub email: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// A credential of one user in one organization. Its value is never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// SHA-256 hex of the value.
    pub sha256: String,
    /// Where it opens.
    pub organization: OrganizationId,
    /// Whose it is.
    pub user: UserId,
    /// Unique per user and organization.
    pub name: String,
    /// First three characters of the value.
    pub prefix: String,
    /// Last three characters of the value.
    pub suffix: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Birth.
    pub created_at: Timestamp,
    /// Last known use, to ten minutes.
    pub last_used_at: Option<Timestamp>,
    /// After this it opens nothing.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// It opens nothing any more.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// Who made a write, for the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A user, through the API.
    User(UserId),
    /// A runner, by a report.
    Runner(RunnerId),
    /// The scheduled sweep.
    Sweep,
    /// A warm pool's top-up.
    Pool,
    /// An operator's command.
    Operator,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::User(id) => write!(f, "user:{id}"),
            Actor::Runner(id) => write!(f, "runner:{id}"),
            Actor::Sweep => f.write_str("sweep"),
            Actor::Pool => f.write_str("pool"),
            Actor::Operator => f.write_str("operator"),
        }
    }
}

/// What an API key may do beyond reading; the wire's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    WriteRegistries,
    DeleteRegistries,
    WriteSnapshots,
    DeleteSnapshots,
    WriteSandboxes,
    DeleteSandboxes,
    ReadVolumes,
    WriteVolumes,
    DeleteVolumes,
    WriteRegions,
    DeleteRegions,
    ReadRunners,
    WriteRunners,
    DeleteRunners,
    ReadAuditLogs,
}

/// A text that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a permission")]
pub struct UnknownPermission(pub String);

impl Permission {
    /// All, in the order of the wire.
    pub const ALL: [Permission; 15] = [
        Permission::WriteRegistries,
        Permission::DeleteRegistries,
        Permission::WriteSnapshots,
        Permission::DeleteSnapshots,
        Permission::WriteSandboxes,
        Permission::DeleteSandboxes,
        Permission::ReadVolumes,
        Permission::WriteVolumes,
        Permission::DeleteVolumes,
        Permission::WriteRegions,
        Permission::DeleteRegions,
        Permission::ReadRunners,
        Permission::WriteRunners,
        Permission::DeleteRunners,
        Permission::ReadAuditLogs,
    ];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::WriteRegistries => "write:registries",
            Permission::DeleteRegistries => "delete:registries",
            Permission::WriteSnapshots => "write:snapshots",
            Permission::DeleteSnapshots => "delete:snapshots",
            Permission::WriteSandboxes => "write:sandboxes",
            Permission::DeleteSandboxes => "delete:sandboxes",
            Permission::ReadVolumes => "read:volumes",
            Permission::WriteVolumes => "write:volumes",
            Permission::DeleteVolumes => "delete:volumes",
            Permission::WriteRegions => "write:regions",
            Permission::DeleteRegions => "delete:regions",
            Permission::ReadRunners => "read:runners",
            Permission::WriteRunners => "write:runners",
            Permission::DeleteRunners => "delete:runners",
            Permission::ReadAuditLogs => "read:audit_logs",
        }
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let known = Permission::ALL.into_iter().find(|permission| permission.as_str() == text);
        known.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}
