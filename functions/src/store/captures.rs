//! Captures of sandboxes' files: what is known of each object under `diffs/`, and who names it.
//!
//! An item is made by the change that begins the capture, completed by the report that is accepted, and counts who names
//! it. What is named by nobody is collected: marked `gone` first, looked at again, and deleted then. Nothing can be named
//! any more once it is marked.

use std::{fmt::Write as _, time::Duration};

use paddock_model::{
    id::{CaptureId, OpId, OrganizationId, SandboxId},
    sandbox::{Purpose, Sandbox},
    time::Timestamp,
};
use paddock_wire::work::Manifest;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Error, Store,
    attempt::patiently,
    item::{Item, key_of, number, read, text},
    keys::{self, DUE},
    transaction::Expression,
};

/// How long a capture may be under way and is not collected: longer than its sandbox waits for it.
const PIN: Duration = Duration::from_secs(2 * 3600);

/// Between the end of the last name, or of a capture, and collection; and between marking and deletion. Longer than a
/// function may run, so that nothing begun before goes on after it.
pub const GRACE: Duration = Duration::from_secs(60);

/// A capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureItem {
    /// Which.
    pub id: CaptureId,
    /// Whose files; none when only a fork has named it so far.
    pub sandbox: Option<SandboxId>,
    /// Key of the object.
    pub key: String,
    /// S3's id of the upload, once it has begun.
    pub upload: Option<String>,
    /// What it is, once it is complete and accepted.
    pub manifest: Option<Manifest>,
    /// The fork that waits for it.
    pub child: Option<SandboxId>,
    /// How many name it.
    pub refs: i64,
    /// Not to be collected before.
    pub keep_until: Timestamp,
    /// It is being deleted.
    pub gone: bool,
}

#[derive(Deserialize)]
struct RawItem {
    #[serde(default)]
    sandbox: Option<Uuid>,
    #[serde(default)]
    okey: String,
    #[serde(default)]
    upload: Option<String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    unpacked: u64,
    #[serde(default)]
    entries: u64,
    #[serde(default)]
    child: Option<Uuid>,
    #[serde(default)]
    refs: i64,
    #[serde(default)]
    keep: i64,
    #[serde(default)]
    gone: bool,
}

/// What a change of a head notes on a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Note {
    /// Names more (or less) than before.
    pub(super) names: i64,
    /// It begins, for this.
    pub(super) begins: Option<Purpose>,
    /// It is complete.
    pub(super) manifest: Option<Manifest>,
    /// It is over without a result.
    pub(super) abandoned: bool,
    /// This fork waits for it.
    pub(super) child: Option<SandboxId>,
}

impl Note {
    pub(super) fn is_empty(&self) -> bool {
        *self == Note::default()
    }

    /// As an update of the capture's item by the change that makes `new` of a head.
    pub(super) fn expression(self, id: CaptureId, new: &Sandbox, op: OpId) -> Expression {
        let Note { names, begins, manifest, abandoned, child } = self;
        let (mut set, mut values) = ("SET op = :op".to_owned(), Item::new());
        let mut assign = |name: &str, value| {
            let _ = write!(set, ", {name} = :{name}");
            values.insert(format!(":{name}"), value);
        };
        let needs_it = names > 0 || begins.is_some() || manifest.is_some();
        let now = new.updated_at;
        if begins.is_some() {
            assign("sandbox", text(new.id));
            assign("okey", text(object_key(new, id)));
            assign("keep", number(now.after(PIN).0));
        }
        // What is complete is named by somebody or by nobody: no other time counts.
        if abandoned || (manifest.is_some() && begins.is_none()) {
            assign("keep", number(now.after(GRACE).0));
        }
        if let Some(Manifest { id: _, image, sha256, size, unpacked, entries }) = manifest {
            assign("image", text(image));
            assign("sha256", text(sha256));
            assign("bytes", number(size));
            assign("unpacked", number(unpacked));
            assign("entries", number(entries));
        }
        if let Some(child) = child {
            assign("child", text(child));
        }
        // Looked at when it may be time; whether it is, is seen then.
        let look = if begins.is_some() { PIN } else { GRACE };
        assign(DUE.pk, text(keys::due_shard_of(id.0)));
        assign(DUE.sk, text(keys::due_at(now.after(look), id)));
        values.insert(":op".to_owned(), text(op));
        if names != 0 {
            set.push_str(" ADD refs :names");
            values.insert(":names".to_owned(), number(names));
        }
        Expression {
            update: Some(set.into()),
            condition: needs_it.then(|| "attribute_not_exists(gone)".to_owned()),
            values,
            ..Default::default()
        }
    }
}

/// Its snapshot is deleted, and names it no more.
pub(super) fn unname(id: CaptureId, now: Timestamp, op: OpId) -> Expression {
    let values = [
        (":op".to_owned(), text(op)),
        (":less".to_owned(), number(-1)),
        (":shard".to_owned(), text(keys::due_shard_of(id.0))),
        (":due".to_owned(), text(keys::due_at(now.after(GRACE), id))),
    ];
    Expression {
        update: Some("SET op = :op, g3pk = :shard, g3sk = :due ADD refs :less".into()),
        values: values.into(),
        ..Default::default()
    }
}

/// Stamped with the placement, so that what a runner uploads for a sandbox it has lost is an object of its own.
fn object_key(sandbox: &Sandbox, id: CaptureId) -> String {
    let Sandbox { id: sandbox, organization, epoch, generation, .. } = sandbox;
    let owner = organization.unwrap_or(OrganizationId(Uuid::nil()));
    format!("diffs/{owner}/{sandbox}/{epoch}-{generation}-{id}")
}

fn capture(item: Item) -> Result<CaptureItem, Error> {
    let key = key_of(&item);
    let id =
        keys::capture_of(&key.pk).ok_or_else(|| super::item::corrupt(key.to_string(), "its key names no capture"))?;
    let RawItem { sandbox, okey, upload, image, sha256, bytes, unpacked, entries, child, refs, keep, gone } =
        read(item)?;
    let manifest = image.map(|image| Manifest { id: id.0, image, sha256, size: bytes, unpacked, entries });
    Ok(CaptureItem {
        id,
        sandbox: sandbox.map(SandboxId),
        key: okey,
        upload,
        manifest,
        child: child.map(SandboxId),
        refs,
        keep_until: Timestamp(keep),
        gone,
    })
}

impl Store {
    /// A capture.
    pub async fn capture(&self, id: CaptureId) -> Result<Option<CaptureItem>, Error> {
        self.get(&keys::capture(id)).await?.map(capture).transpose()
    }

    /// Notes its upload instead of the one that was known (`lost`, if any), unless another stands by now: the one that
    /// stands; none when nothing is known of the capture any more.
    pub async fn note_upload(&self, id: CaptureId, lost: Option<&str>, upload: &str) -> Result<Option<String>, Error> {
        let mut request = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::capture(id).item()))
            .update_expression("SET upload = :upload")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(upload)")
            .expression_attribute_values(":upload", text(upload));
        if let Some(lost) = lost {
            let as_known = "attribute_exists(pk) AND upload = :lost";
            request = request.condition_expression(as_known).expression_attribute_values(":lost", text(lost));
        }
        match patiently(|| request.clone().send()).await {
            Ok(_) => Ok(Some(upload.to_owned())),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) => {
                Ok(self.capture(id).await?.and_then(|capture| capture.upload))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// It is named, so that nothing is due of it any more; nothing if that has changed.
    pub async fn rest_capture(&self, id: CaptureId) -> Result<(), Error> {
        self.change_capture(id, "REMOVE g3pk, g3sk", "refs > :none", None).await.map(|_| ())
    }

    /// To be looked at again then.
    pub async fn postpone_capture(&self, id: CaptureId, until: Timestamp) -> Result<(), Error> {
        self.change_capture(id, "SET g3sk = :due", "refs <= :none OR attribute_not_exists(refs)", Some(until))
            .await
            .map(|_| ())
    }

    /// Nobody names it and nobody may from now on; false if somebody does.
    pub async fn mark_capture(&self, id: CaptureId, again: Timestamp) -> Result<bool, Error> {
        let unnamed = "refs <= :none OR attribute_not_exists(refs)";
        self.change_capture(id, "SET g3sk = :due, gone = :true", unnamed, Some(again)).await
    }

    async fn change_capture(
        &self,
        id: CaptureId,
        update: &str,
        condition: &str,
        due: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let mut request = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::capture(id).item()))
            .update_expression(update)
            .condition_expression(format!("attribute_exists(pk) AND ({condition})"))
            .expression_attribute_values(":none", number(0));
        if let Some(due) = due {
            request = request.expression_attribute_values(":due", text(keys::due_at(due, id)));
        }
        if update.contains(":true") {
            request = request.expression_attribute_values(":true", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
        }
        match patiently(|| request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Its object is deleted: nothing is known of it any more.
    pub async fn forget_capture(&self, id: CaptureId) -> Result<(), Error> {
        let request = self
            .db
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::capture(id).item()))
            .condition_expression("attribute_not_exists(pk) OR gone = :true")
            .expression_attribute_values(":true", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
        patiently(|| request.clone().send()).await?;
        Ok(())
    }

    /// The forks of a sandbox that are not destroyed, oldest name first.
    pub async fn children(&self, parent: SandboxId) -> Result<Vec<SandboxId>, Error> {
        let items = self.partition(&keys::head(parent).pk, keys::CHILDREN).await?;
        Ok(items.iter().filter_map(|item| keys::child_of(&key_of(item).sk)).collect())
    }
}
