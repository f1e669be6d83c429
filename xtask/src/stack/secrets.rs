//! What is generated once per state folder.

use std::fs;

use anyhow::{Context, Result};
use base64::prelude::{BASE64_STANDARD, Engine};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::paths::{StateDir, write_private};

/// Kept in `secrets.json`, mode 600. Losing it loses the stack: containers name the deployment, items are sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// In every container label.
    pub deployment: Uuid,
    /// 32 bytes in base64; seals environment values in the table.
    pub master_key: String,
    /// Lets a runner register.
    pub join_token: String,
    /// The first user's key.
    pub api_key: String,
    pub organization: Uuid,
    pub user: Uuid,
    pub snapshot: Uuid,
}

impl Secrets {
    /// Those of an earlier `up`, if there was one.
    pub fn load(state: &StateDir) -> Result<Option<Self>> {
        let path = state.join("secrets.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let secrets = serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Some(secrets))
    }

    pub fn load_or_generate(state: &StateDir) -> Result<Self> {
        if let Some(secrets) = Self::load(state)? {
            return Ok(secrets);
        }
        let secrets = Self::generate();
        write_private(&state.join("secrets.json"), &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }

    fn generate() -> Self {
        Self {
            deployment: Uuid::new_v4(),
            master_key: BASE64_STANDARD.encode(random()),
            join_token: hex::encode(random()),
            api_key: format!("dtn_{}", hex::encode(random())),
            organization: Uuid::new_v4(),
            user: Uuid::new_v4(),
            snapshot: Uuid::new_v4(),
        }
    }
}

/// Only hashes of tokens and keys are stored or passed on.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_generated_once_and_private() {
        let folder = tempfile::tempdir().expect("folder");
        let state = StateDir::new(folder.path());
        assert!(Secrets::load(&state).expect("load").is_none());
        let first = Secrets::load_or_generate(&state).expect("generate");
        let second = Secrets::load_or_generate(&state).expect("load");
        assert_eq!(first.api_key, second.api_key);
        assert_eq!(first.api_key.len(), 4 + 64);
        let mode = fs::metadata(state.join("secrets.json")).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
