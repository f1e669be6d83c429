//! Sealing: secrets at rest in items, and secrets on their way to a runner.
//!
//! All keys come from the master key by HKDF-SHA256, one per purpose: one for items, one per runner. A runner's key
//! opens what was sealed to that runner and nothing else, and needs no item of its own. The additional data binds
//! each envelope to the object it belongs to, so that it cannot be moved to another.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hkdf,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_model::id::RunnerId;
use paddock_wire::work::SealedEnv;

/// A sealed text that does not open: wrong key, wrong object, or altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open")]
pub struct Unopenable;

/// Seals and opens.
pub struct Sealer {
    items: [u8; 32],
    runners: hkdf::Prk,
}

impl Sealer {
    /// Derives what is needed from the master key.
    pub fn new(master_key: &[u8; 32]) -> Self {
        let runners = hkdf::Salt::new(hkdf::HKDF_SHA256, b"paddock v1").extract(master_key);
        Self { items: derive(&runners, b"items"), runners }
    }

    /// For an item in the table.
    pub fn seal_for_item(&self, object: &str, plain: &[u8]) -> Vec<u8> {
        let (nonce, sealed) = seal(&self.items, object, plain);
        [nonce.as_slice(), &sealed].concat()
    }

    /// From an item in the table.
    pub fn open_from_item(&self, object: &str, sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(Unopenable)?;
        open(&self.items, object, nonce, sealed)
    }

    /// The key a runner is given at registration.
    pub fn runner_key(&self, runner: RunnerId) -> [u8; 32] {
        derive(&self.runners, format!("runner {runner}").as_bytes())
    }

    /// For a message to a runner.
    pub fn seal_for_runner(&self, runner: RunnerId, object: &str, plain: &[u8]) -> SealedEnv {
        let (nonce, sealed) = seal(&self.runner_key(runner), object, plain);
        SealedEnv { nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(sealed) }
    }
}

/// SHA-256 in hex: how credentials are stored and named.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub fn same_text(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

/// 256 random bits in hex.
pub fn random_hex() -> String {
    let bytes: [u8; 32] = rand::random();
    hex::encode(bytes)
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA256 refuses only more than 255 x 32 bytes")]
fn derive(root: &hkdf::Prk, purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    root.expand(&[purpose], KeyLength).and_then(|okm| okm.fill(&mut key)).expect("32 bytes can be derived");
    key
}

#[expect(clippy::expect_used, reason = "fails only for a wrong key length or more than 64 GiB of text")]
fn seal(key: &[u8; 32], object: &str, plain: &[u8]) -> ([u8; NONCE_LEN], Vec<u8>) {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key");
    let mut text = plain.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(object.as_bytes()), &mut text).expect("text is short");
    (*nonce.as_ref(), text)
}

fn open(key: &[u8; 32], object: &str, nonce: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Unopenable)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopenable)?;
    let mut text = sealed.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(object.as_bytes()), &mut text).map_err(|_| Unopenable)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_opens_only_as_itself_and_unaltered() {
        let sealer = Sealer::new(&[1; 32]);
        let sealed = sealer.seal_for_item("sandbox a", b"secret");
        assert_eq!(sealer.open_from_item("sandbox a", &sealed).unwrap(), b"secret");
        assert_eq!(sealer.open_from_item("sandbox b", &sealed), Err(Unopenable));
        assert_eq!(Sealer::new(&[2; 32]).open_from_item("sandbox a", &sealed), Err(Unopenable));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(sealer.open_from_item("sandbox a", &altered), Err(Unopenable));
        }
        assert_eq!(sealer.open_from_item("sandbox a", &sealed[..5]), Err(Unopenable));
    }

    #[test]
    fn a_runner_opens_with_its_key_what_was_sealed_to_it() {
        let sealer = Sealer::new(&[1; 32]);
        let (mine, other) = (RunnerId::random(), RunnerId::random());
        let sealed = sealer.seal_for_runner(mine, "sandbox", b"{}");
        let (nonce, text) = (STANDARD.decode(sealed.nonce).unwrap(), STANDARD.decode(sealed.sealed).unwrap());
        assert_eq!(open(&sealer.runner_key(mine), "sandbox", &nonce, &text).unwrap(), b"{}");
        assert_eq!(open(&sealer.runner_key(other), "sandbox", &nonce, &text), Err(Unopenable));
        assert_ne!(sealer.runner_key(mine), sealer.runner_key(other));
    }
}
