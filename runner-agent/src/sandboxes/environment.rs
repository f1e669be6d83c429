//! The environment of a sandbox: what the wire promises, and what the user gave, sealed to this runner.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_wire::work::{Env, SealedEnv, Work};
use uuid::Uuid;

use crate::readiness::{INSIDE_DIR, SOCKET_NAME};

/// Why there is no environment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvError {
    /// The runner's key, the nonce or the text are not what they should be.
    #[error("the sandbox's environment cannot be unsealed")]
    Sealed,
    /// It was unsealed, but is not an object of strings.
    #[error("the sandbox's environment cannot be read")]
    Content,
}

/// What every process of the sandbox should see: `DAYTONA_*` and the user's own.
///
/// # Errors
/// When the user's part cannot be unsealed.
pub fn of(work: &Work, key: &str) -> Result<Env, EnvError> {
    let spec = &work.spec;
    let mut env = unseal(&spec.env, key, work.sandbox_id)?;
    // Ours come last: a user's variable cannot make a sandbox claim to be another.
    env.insert("DAYTONA_SANDBOX_ID".to_owned(), work.sandbox_id.to_string());
    env.insert("DAYTONA_SANDBOX_SNAPSHOT".to_owned(), spec.snapshot.clone());
    env.insert("DAYTONA_SANDBOX_USER".to_owned(), spec.user.clone());
    env.insert("DAYTONA_REGION_ID".to_owned(), spec.region.clone());
    if let Some(organization) = spec.organization_id {
        env.insert("DAYTONA_ORGANIZATION_ID".to_owned(), organization.to_string());
    }
    Ok(env)
}

/// What only the container is told, at its creation.
pub fn at_creation(env: &Env, has_working_dir: bool) -> Env {
    let mut env = env.clone();
    env.insert("PADDOCK_READY_SOCKET".to_owned(), format!("{INSIDE_DIR}/{SOCKET_NAME}"));
    if !has_working_dir {
        env.insert("DAYTONA_USER_HOME_AS_WORKDIR".to_owned(), "true".to_owned());
    }
    env
}

/// Tells two environments apart without keeping them.
#[must_use]
pub fn digest_of(env: &Env) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for (name, value) in env {
        context.update(name.as_bytes());
        context.update(b"=");
        context.update(value.as_bytes());
        context.update(b"\0");
    }
    hex::encode(context.finish())
}

fn unseal(sealed: &SealedEnv, key: &str, sandbox: Uuid) -> Result<Env, EnvError> {
    let key = STANDARD.decode(key).map_err(|_| EnvError::Sealed)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(|_| EnvError::Sealed)?);
    let nonce = STANDARD.decode(&sealed.nonce).map_err(|_| EnvError::Sealed)?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| EnvError::Sealed)?;
    let mut text = STANDARD.decode(&sealed.sealed).map_err(|_| EnvError::Sealed)?;
    let aad = Aad::from(sandbox.to_string());
    let plain = key.open_in_place(nonce, aad, &mut text).map_err(|_| EnvError::Sealed)?;
    serde_json::from_slice(plain).map_err(|_| EnvError::Content)
}

#[cfg(test)]
pub mod tests {
    use paddock_wire::work::{Spec, Wish};

    use super::*;

    pub const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    /// Seals as the control plane does.
    pub fn seal(env: &Env, sandbox: Uuid) -> SealedEnv {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &STANDARD.decode(KEY).unwrap()).unwrap());
        let mut nonce = [0; 12];
        aws_lc_rs::rand::fill(&mut nonce).unwrap();
        let mut text = serde_json::to_vec(env).unwrap();
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(sandbox.to_string()), &mut text).unwrap();
        SealedEnv { nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(text) }
    }

    /// A wish to run, of an organization's sandbox.
    pub fn work(sandbox: Uuid, epoch: u64, generation: u64, wish: Wish) -> Work {
        Work {
            when_idle: paddock_wire::work::WhenIdle::Stop,
            capture: None,
            archived: None,
            restore: None,
            deployment: "test".to_owned(),
            sandbox_id: sandbox,
            epoch,
            generation,
            seq: 0,
            attempt: 1,
            wish,
            expect_container: false,
            stop_if_idle_seconds: None,
            spec: Spec {
                organization_id: None,
                image: "image:1".to_owned(),
                snapshot: "snapshot".to_owned(),
                user: "daytona".to_owned(),
                region: "local".to_owned(),
                cpu: 1,
                memory_gib: 1,
                disk_gib: 3,
                env: seal(&Env::new(), sandbox),
            },
        }
    }

    #[test]
    fn the_users_variables_arrive_and_cannot_replace_ours() {
        let id = Uuid::new_v4();
        let mut work = work(id, 1, 1, Wish::Started);
        let user = [("A", "b=c\n"), ("DAYTONA_SANDBOX_ID", "other")];
        work.spec.env = seal(&user.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), id);
        let env = of(&work, KEY).unwrap();
        assert_eq!(env["A"], "b=c\n");
        assert_eq!(env["DAYTONA_SANDBOX_ID"], id.to_string());
        assert!(!env.contains_key("DAYTONA_ORGANIZATION_ID"), "nobody's yet");
    }

    #[test]
    fn an_environment_sealed_for_another_sandbox_is_refused() {
        let mut work = work(Uuid::new_v4(), 1, 1, Wish::Started);
        work.spec.env = seal(&Env::new(), Uuid::new_v4());
        assert_eq!(of(&work, KEY), Err(EnvError::Sealed));
    }
}
