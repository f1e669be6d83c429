//! What is generated once per state folder.

use std::fs;

use anyhow::{Context, Result};
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
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)?;
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
            master_key: base64(&random()),
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

/// Standard alphabet with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |index: usize| {
            let six = (bits >> (18 - 6 * index)) & 63;
            if index <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' }
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn base64_follows_the_rfc() {
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

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
