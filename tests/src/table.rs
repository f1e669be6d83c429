//! What the table really holds, read through the AWS endpoint.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws;

/// An item with its types taken off.
pub type Item = BTreeMap<String, Value>;

/// All items, read consistently.
pub async fn scan() -> Result<Vec<Item>> {
    let table = table_name().await?;
    let mut items = Vec::new();
    let mut start: Option<Value> = None;
    loop {
        let mut request = json!({ "TableName": table, "ConsistentRead": true });
        if let Some(start) = start.take() {
            request["ExclusiveStartKey"] = start;
        }
        let page = aws::call("DynamoDB_20120810.Scan", &request).await?;
        for item in page["Items"].as_array().context("a scan has items")? {
            items.push(item.as_object().context("an item is an object")?.iter().map(plain_entry).collect());
        }
        match page.get("LastEvaluatedKey") {
            Some(key) if !key.is_null() => start = Some(key.clone()),
            _ => return Ok(items),
        }
    }
}

/// Heads of sandboxes that are not destroyed, by id.
pub fn live_heads(items: &[Item]) -> BTreeMap<String, &Item> {
    let id = |item: &Item| text(item, "pk").strip_prefix("S#").map(str::to_owned);
    let heads = items.iter().filter(|item| text(item, "sk") == "H" && text(item, "state") != "destroyed");
    heads.filter_map(|item| Some((id(item)?, item))).collect()
}

/// A text attribute.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

async fn table_name() -> Result<String> {
    let tables = aws::call("DynamoDB_20120810.ListTables", &json!({})).await?;
    let names = tables["TableNames"].as_array().context("a list of tables")?;
    ensure!(names.len() == 1, "more tables than the template has: {names:?}");
    Ok(names[0].as_str().unwrap_or_default().to_owned())
}

fn plain_entry((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), plain(value))
}

fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return value.clone() };
    match (kind.as_str(), inner) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or_else(|_| inner.clone()),
        ("NULL", _) => Value::Null,
        ("M", Value::Object(map)) => Value::Object(map.iter().map(plain_entry).collect()),
        ("L", Value::Array(list)) => Value::Array(list.iter().map(plain).collect()),
        _ => inner.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;
    use serde_json::json;

    #[test]
    fn types_are_taken_off() {
        let typed = json!({ "M": { "a": { "N": "5" }, "b": { "L": [{ "S": "x" }, { "NULL": true }] } } });
        assert_eq!(plain(&typed), json!({ "a": 5, "b": ["x", null] }));
    }
}
