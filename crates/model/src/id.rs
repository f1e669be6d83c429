//! Typed identifiers, so that a runner's id cannot be passed where a sandbox's is meant.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::entropy;

/// An identifier was not a UUID in its canonical, lower-case, hyphenated form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a UUID")]
pub struct InvalidId(pub String);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh random (version 4) identifier.
            pub fn random() -> Self {
                Self(entropy::uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Accepts only the canonical form: every other spelling would be a second key for one item.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::try_parse(text).map_err(|_| InvalidId(text.to_owned()))?;
                if id.to_string() == text { Ok(Self(id)) } else { Err(InvalidId(text.to_owned())) }
            }
        }
    };
}

uuid_id!(
    /// A sandbox.
    SandboxId
);
uuid_id!(
    /// An organization: owner of sandboxes, keys, quota.
    OrganizationId
);
uuid_id!(
    /// A runner agent, stable over its restarts.
    RunnerId
);
uuid_id!(
    /// A snapshot: an image that sandboxes start from.
    SnapshotId
);
uuid_id!(
    /// A capture of a sandbox's files: a manifest and its object in S3.
    CaptureId
);
uuid_id!(
    /// One attempt to write, so that a lost answer can be told from a lost race.
    OpId
);

impl CaptureId {
    /// The capture that a sandbox's wish of this generation makes. Derived, so that whoever plans it names it alike; a
    /// sandbox's generations grow, so that no two of its captures share one.
    pub fn of(sandbox: SandboxId, generation: u64) -> Self {
        // The odd factor keeps captures of sandboxes apart whose ids differ in few bits.
        let mixed = u128::from(generation).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Self(Uuid::from_u128(sandbox.0.as_u128() ^ mixed))
    }
}

/// A user. Local users are UUIDs, OIDC subjects are whatever the provider says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub String);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        let id = SandboxId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [id.to_string().to_uppercase(), id.0.simple().to_string(), format!("{{{id}}}"), String::new()] {
            assert_eq!(other.parse::<SandboxId>(), Err(InvalidId(other)));
        }
    }
}
