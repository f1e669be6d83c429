//! Rate windows: one counter per caller, class and window, gone soon after.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{
    Error, Store,
    attempt::patiently,
    item::{Item, corrupt, number},
    keys,
};

/// Counts one request of `who` in the window that began at `window` (seconds since 1970), and answers how many there
/// were with it. A lost answer counts twice, which only makes the limit a little stricter.
pub async fn count(store: &Store, who: &str, class: &str, window: i64, ttl_seconds: i64) -> Result<u64, Error> {
    let key = keys::rate(who, class, window);
    let request = store
        .db
        .update_item()
        .table_name(&store.table)
        .set_key(Some(key.item()))
        .update_expression("SET #ttl = :ttl ADD hits :one")
        .expression_attribute_names("#ttl", "ttl")
        .expression_attribute_values(":ttl", number(window + ttl_seconds))
        .expression_attribute_values(":one", number(1))
        .return_values(ReturnValue::UpdatedNew);
    let answer = patiently(|| request.clone().send()).await?;
    answer.attributes.as_ref().and_then(hits).ok_or_else(|| corrupt(key.to_string(), "it has no count"))
}

/// How many there were, without counting.
pub async fn read(store: &Store, who: &str, class: &str, window: i64) -> Result<u64, Error> {
    let item = store.get(&keys::rate(who, class, window)).await?;
    Ok(item.as_ref().and_then(hits).unwrap_or(0))
}

fn hits(item: &Item) -> Option<u64> {
    item.get("hits")?.as_n().ok()?.parse().ok()
}
