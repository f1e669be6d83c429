//! What a live item names is there: its manifest, and the object of that digest.

use paddock_model::{id::CaptureId, lifecycle::State};

use super::heads;
use crate::{
    aws::{
        bucket::{Bucket, digest},
        table::{Change, Records},
    },
    trace,
};

/// What a capture's item says.
pub enum Known {
    /// There is no item.
    Nothing,
    /// It is being made.
    UnderWay,
    /// It is complete, and this is its object, if it is there and what it should be.
    Complete(Option<Vec<u8>>),
}

/// After a write that touches captures or who names them.
pub fn check(records: &Records, bucket: &Bucket, changes: &[Change]) {
    if changes.iter().any(|change| change.key.0.starts_with("M#") || change.key.1 == "H") {
        all(records, bucket);
    }
}

/// Whenever objects may have gone.
pub fn all(records: &Records, bucket: &Bucket) {
    for head in heads(records).iter().filter(|head| head.state != State::Destroyed) {
        for id in head.files.named() {
            let kept = head.files.kept.is_some_and(|kept| kept.id == id);
            match known(records, bucket, id) {
                Known::Complete(Some(_)) => {}
                Known::UnderWay if !kept => {}
                Known::Nothing => trace::broken(format!("{} names capture {id}, which is not there", head.id)),
                Known::UnderWay => trace::broken(format!("{} keeps capture {id}, which is not complete", head.id)),
                Known::Complete(None) => {
                    trace::broken(format!("{} names capture {id}, whose object is not there", head.id))
                }
            }
        }
    }
}

pub fn known(records: &Records, bucket: &Bucket, id: CaptureId) -> Known {
    let key = (format!("M#{id}"), "M".to_owned());
    let Some(item) = records.get(&key).and_then(|record| record.now.as_ref()) else { return Known::Nothing };
    if item["gone"]["BOOL"].as_bool() == Some(true) {
        return Known::Nothing;
    }
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
    if text("sha256").is_empty() {
        return Known::UnderWay;
    }
    Known::Complete(bucket.object(text("okey")).filter(|object| digest(object) == text("sha256")))
}
