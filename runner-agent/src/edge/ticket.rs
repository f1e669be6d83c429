//! Tickets: what an edge shows at the relay door of the runner that holds a sandbox, in place of the caller's credential.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use paddock_wire::agents::{EdgeKey, Grant, RegisterProof, TicketClaims, register_proof_text};
use uuid::Uuid;

use crate::durable;

/// Longest life of a ticket, by contract.
const LIFETIME: u64 = 60;
/// How far clocks of machines may differ.
const LEEWAY: u64 = 5;
const FILE: &str = "edge-ticket.pk8";

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum TicketKeyError {
    /// The state directory cannot be used.
    #[error("ticket key in the state directory: {0}")]
    File(#[from] std::io::Error),
    /// The file holds no Ed25519 key, or none could be made.
    #[error("ticket key {0}")]
    Key(&'static str),
}

/// The Ed25519 key of this edge.
#[derive(Clone)]
pub struct TicketKey {
    signing: EncodingKey,
    pair: Arc<Ed25519KeyPair>,
    public: String,
}

impl TicketKey {
    /// The key in the state directory; made on the first start.
    ///
    /// # Errors
    /// When the directory cannot be written, or the file holds no key.
    pub fn load_or_create(state_dir: &Path) -> Result<Self, TicketKeyError> {
        let path = state_dir.join(FILE);
        match fs::read(&path) {
            Ok(pkcs8) => Self::from_pkcs8(&pkcs8),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let pkcs8 = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1());
                let pkcs8 = pkcs8.map_err(|_| TicketKeyError::Key("cannot be made"))?;
                // Half a key would stop the next start.
                durable::replace(&path, pkcs8.as_ref(), 0o600)?;
                Self::from_pkcs8(pkcs8.as_ref())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, TicketKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| TicketKeyError::Key("is not an Ed25519 key"))?;
        let public = BASE64_STANDARD.encode(pair.public_key());
        Ok(Self { signing: EncodingKey::from_ed_der(pkcs8), pair: Arc::new(pair), public })
    }

    /// Raw 32 bytes, base64: `ticket_key` of the registration.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Shows that who registers under a known id is who did so before.
    #[must_use]
    pub fn prove(&self, agent: Uuid) -> RegisterProof {
        let at = now();
        let signature = self.pair.sign(register_proof_text(agent, at).as_bytes());
        RegisterProof { at, signature: BASE64_STANDARD.encode(signature) }
    }

    /// A ticket for one relayed request.
    pub fn sign(&self, edge: Uuid, owner: Uuid, grant: &Grant) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now();
        let claims = TicketClaims {
            iss: edge,
            aud: owner,
            sub: grant.sandbox_id,
            org: grant.organization_id,
            epoch: grant.epoch,
            generation: grant.generation,
            iat,
            exp: iat + LIFETIME,
        };
        self.encode(&claims)
    }

    fn encode(&self, claims: &TicketClaims) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(claims.iss.to_string());
        jsonwebtoken::encode(&header, claims, &self.signing)
    }
}

/// Why a ticket does not open the relay door.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not a ticket, or its signature or one of its claims is wrong.
    #[error("the ticket is not valid")]
    Invalid,
    /// Signed by none of the edges of the last heartbeat.
    #[error("the ticket is of an unknown edge")]
    UnknownEdge,
    /// Too late, or too long a life.
    #[error("the ticket has expired")]
    Expired,
}

/// Checks a ticket shown to `own` at the path of `sandbox`.
pub fn verify(ticket: &str, edges: &[EdgeKey], own: Uuid, sandbox: Uuid) -> Result<TicketClaims, TicketError> {
    let header = jsonwebtoken::decode_header(ticket).map_err(|_| TicketError::Invalid)?;
    let kid: Uuid = header.kid.and_then(|kid| kid.parse().ok()).ok_or(TicketError::Invalid)?;
    let edge = edges.iter().find(|edge| edge.id == kid).ok_or(TicketError::UnknownEdge)?;
    let key = BASE64_STANDARD.decode(&edge.ticket_key).map_err(|_| TicketError::UnknownEdge)?;

    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[own]);
    validation.set_issuer(&[kid]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.leeway = LEEWAY;
    let decoded = jsonwebtoken::decode::<TicketClaims>(ticket, &DecodingKey::from_ed_der(&key), &validation);
    let claims = decoded.map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::ExpiredSignature => TicketError::Expired,
        _ => TicketError::Invalid,
    })?;
    let claims = claims.claims;
    if claims.sub != sandbox {
        return Err(TicketError::Invalid);
    }
    // An edge that was taken over must not mint tickets that outlive its place in the list.
    if claims.exp.saturating_sub(claims.iat) > LIFETIME || claims.iat > now() + LEEWAY {
        return Err(TicketError::Expired);
    }
    Ok(claims)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    struct Scene {
        key: TicketKey,
        edges: Vec<EdgeKey>,
        claims: TicketClaims,
    }

    impl Scene {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let key = TicketKey::load_or_create(directory.path()).unwrap();
            let iat = now();
            let claims = TicketClaims {
                iss: Uuid::new_v4(),
                aud: Uuid::new_v4(),
                sub: Uuid::new_v4(),
                org: Uuid::new_v4(),
                epoch: 1,
                generation: 2,
                iat,
                exp: iat + LIFETIME,
            };
            let edges = vec![EdgeKey { id: claims.iss, ticket_key: key.public().to_owned() }];
            Self { key, edges, claims }
        }

        fn show(&self, claims: &TicketClaims) -> Result<TicketClaims, TicketError> {
            let ticket = self.key.encode(claims).unwrap();
            verify(&ticket, &self.edges, self.claims.aud, self.claims.sub)
        }
    }

    #[test]
    fn the_key_is_kept_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let first = TicketKey::load_or_create(directory.path()).unwrap();
        let second = TicketKey::load_or_create(directory.path()).unwrap();
        assert_eq!(first.public(), second.public());
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(directory.path().join(FILE), b"broken").unwrap();
        assert!(TicketKey::load_or_create(directory.path()).is_err());
    }

    #[test]
    fn a_proof_is_good_for_its_own_agent_only() {
        let (scene, agent) = (Scene::new(), Uuid::new_v4());
        let RegisterProof { at, signature } = scene.key.prove(agent);
        let public = BASE64_STANDARD.decode(scene.key.public()).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, public);
        let signature = BASE64_STANDARD.decode(signature).unwrap();
        public.verify(register_proof_text(agent, at).as_bytes(), &signature).unwrap();
        assert!(public.verify(register_proof_text(Uuid::new_v4(), at).as_bytes(), &signature).is_err());
    }

    #[test]
    fn a_good_ticket_says_what_was_signed() {
        let scene = Scene::new();
        assert_eq!(scene.show(&scene.claims).unwrap(), scene.claims);
    }

    #[test]
    fn every_wrong_claim_is_refused() {
        let scene = Scene::new();
        let (good, other) = (&scene.claims, Uuid::new_v4());
        let past = now() - LIFETIME - LEEWAY - 1;
        let cases = [
            (TicketClaims { aud: other, ..good.clone() }, TicketError::Invalid),
            (TicketClaims { sub: other, ..good.clone() }, TicketError::Invalid),
            (TicketClaims { iss: other, ..good.clone() }, TicketError::UnknownEdge),
            (TicketClaims { iat: past, exp: past + LIFETIME, ..good.clone() }, TicketError::Expired),
            (TicketClaims { exp: good.iat + LIFETIME + 1, ..good.clone() }, TicketError::Expired),
            (TicketClaims { iat: good.iat + 600, exp: good.iat + 660, ..good.clone() }, TicketError::Expired),
        ];
        for (claims, expected) in cases {
            assert_eq!(scene.show(&claims).unwrap_err(), expected, "{claims:?}");
        }
    }

    #[test]
    fn a_key_that_is_not_listed_and_another_algorithm_are_refused() {
        let scene = Scene::new();
        let stranger = Scene::new();
        let forged = stranger.key.encode(&scene.claims).unwrap();
        let show = |ticket: &str| verify(ticket, &scene.edges, scene.claims.aud, scene.claims.sub);
        assert_eq!(show(&forged).unwrap_err(), TicketError::Invalid);
        // The public key as an HMAC secret: the classic confusion.
        let secret = EncodingKey::from_secret(&BASE64_STANDARD.decode(scene.key.public()).unwrap());
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(scene.claims.iss.to_string());
        let confused = jsonwebtoken::encode(&header, &scene.claims, &secret).unwrap();
        assert_eq!(show(&confused).unwrap_err(), TicketError::Invalid);
        assert_eq!(show("no.ticket.atall").unwrap_err(), TicketError::Invalid);
    }
}
