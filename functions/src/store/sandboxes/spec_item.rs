//! The specification as an item. The user's environment variables rest sealed.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_model::{
    id::{OpId, SandboxId, SnapshotId},
    sandbox::Spec,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    seal::Sealer,
    store::{
        Error,
        item::{Item, corrupt, key_of, read, write},
        keys,
    },
};

#[derive(Serialize, Deserialize)]
struct SpecItem {
    op: Uuid,
    /// The wish with which it was written; the head has the same.
    #[serde(default)]
    r#gen: u64,
    snapshot: Uuid,
    snapshot_name: String,
    image: String,
    user: String,
    /// JSON object, sealed, base64; absent when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    public: bool,
}

/// What binds an envelope to its sandbox.
fn object(id: SandboxId) -> String {
    format!("env {id}")
}

/// A specification as it was read.
pub(super) struct Read {
    pub(super) id: SandboxId,
    pub(super) generation: u64,
    pub(super) spec: Spec,
}

/// What becomes of the environment when a specification is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Env {
    /// It is opened.
    Open,
    /// It stays sealed and is answered as empty: nobody will look at it.
    Leave,
}

/// The specification as it is written by `op`, together with the head of this generation.
pub(super) fn spec_item(sealer: &Sealer, id: SandboxId, generation: u64, spec: &Spec, op: OpId) -> Result<Item, Error> {
    let key = keys::spec(id);
    let Spec { snapshot, snapshot_name, image, user, env, labels, public } = spec.clone();
    let env = if env.is_empty() {
        None
    } else {
        let plain = serde_json::to_vec(&env).map_err(|problem| corrupt(key.to_string(), problem))?;
        Some(STANDARD.encode(sealer.seal_for_item(&object(id), &plain)))
    };
    let (op, r#gen, snapshot) = (op.0, generation, snapshot.0);
    write(&key, &SpecItem { op, r#gen, snapshot, snapshot_name, image, user, env, labels, public })
}

pub(super) fn spec(sealer: &Sealer, item: Item, env_is: Env) -> Result<Read, Error> {
    let key = key_of(&item);
    let bad = |problem: &dyn ToString| corrupt(key.to_string(), problem.to_string());
    let id = keys::sandbox_of(&key.pk).ok_or_else(|| bad(&"its key names no sandbox"))?;
    let SpecItem { op: _, r#gen, snapshot, snapshot_name, image, user, env, labels, public } = read(item)?;
    let env = match env.filter(|_| env_is == Env::Open) {
        None => BTreeMap::new(),
        Some(sealed) => {
            let sealed = STANDARD.decode(sealed).map_err(|problem| bad(&problem))?;
            let plain = sealer.open_from_item(&object(id), &sealed).map_err(|problem| bad(&problem))?;
            serde_json::from_slice(&plain).map_err(|problem| bad(&problem))?
        }
    };
    let spec = Spec { snapshot: SnapshotId(snapshot), snapshot_name, image, user, env, labels, public };
    Ok(Read { id, generation: r#gen, spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_is_read_as_written_and_its_environment_is_nowhere_in_clear() {
        let sealer = Sealer::new(&[3; 32]);
        let spec_of = Spec {
            snapshot: SnapshotId::random(),
            snapshot_name: "paddock-default".into(),
            image: "image:1".into(),
            user: "daytona".into(),
            env: [("TOKEN".to_owned(), "hunter2".to_owned())].into(),
            labels: [("code-toolbox-language".to_owned(), "python".to_owned())].into(),
            public: true,
        };
        let id = SandboxId::random();
        let item = spec_item(&sealer, id, 2, &spec_of, OpId::random()).unwrap();
        assert!(!format!("{item:?}").contains("hunter2"));
        let left = spec(&Sealer::new(&[4; 32]), item.clone(), Env::Leave).unwrap();
        assert!(left.spec.env.is_empty(), "no key is needed for what is not opened");
        assert!(spec(&Sealer::new(&[4; 32]), item.clone(), Env::Open).is_err());
        let opened = spec(&sealer, item, Env::Open).unwrap();
        assert_eq!((opened.id, opened.generation, opened.spec), (id, 2, spec_of));
    }
}
