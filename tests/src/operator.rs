//! What an operator does: makes organizations, by invoking the `reconcile` function as `xtask up` does.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stack::STACK;
use crate::table::{self, Item, text};

/// An organization with one user and one key.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub api_key: String,
}

/// Makes an organization with its own quota. The command also sets snapshot and pool, so they are named as they are.
pub async fn make_organization(name: &str) -> Result<Organization> {
    let items = table::scan().await?;
    let id = Uuid::new_v4();
    let api_key = format!("dtn_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let sha256 = hex::encode(digest(&SHA256, api_key.as_bytes()));
    let command = json!({
        "command": "bootstrap",
        "organization": { "id": id, "name": name },
        "user": { "id": format!("user-{id}"), "name": name, "email": format!("{name}@example.com") },
        "apiKey": { "name": "first", "sha256": sha256, "prefix": "dtn", "suffix": &api_key[api_key.len() - 3..] },
        "snapshot": default_snapshot(&items)?,
        "pool": pool_size(&items),
        "quota": { "cpu": 10, "memoryGib": 20, "diskGib": 60 },
    });
    invoke(&command).await?;
    Ok(Organization { id, api_key })
}

/// Invokes `paddock-reconcile` with a command.
pub async fn invoke(command: &Value) -> Result<Value> {
    let url = format!("{}/2015-03-31/functions/paddock-reconcile/invocations", STACK.aws_url);
    let answer = reqwest::Client::new().post(url).json(command).send().await?;
    let failed = answer.headers().contains_key("X-Amz-Function-Error");
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success() && !failed, "{}: {status} {body}", command["command"]);
    Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn default_snapshot(items: &[Item]) -> Result<Value> {
    let id = |item: &Item| text(item, "pk").strip_prefix("I#").map(str::to_owned);
    let general = items.iter().filter(|item| text(item, "sk") == "H" && !item.contains_key("org"));
    let (id, item) =
        general.filter_map(|item| Some((id(item)?, item))).next().context("there is no default snapshot")?;
    let [cpu, memory, disk] = [0, 1, 2].map(|n| item["size"][n].clone());
    let (name, image) = (text(item, "name"), text(item, "image"));
    Ok(json!({ "id": id, "name": name, "image": image, "cpu": cpu, "memoryGib": memory, "diskGib": disk }))
}

/// How many sandboxes wait ready, when all is well.
pub fn pool_size(items: &[Item]) -> u64 {
    let pools = items.iter().filter(|item| text(item, "sk") == "P" && text(item, "pk").starts_with("P#"));
    pools.filter_map(|pool| pool.get("size").and_then(Value::as_u64)).max().unwrap_or_default()
}
