//! The public REST API, as untyped JSON: the tests look at what is on the wire.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::converge::{Look, PATIENCE, within};
use crate::stack::STACK;
use crate::toolbox::Toolbox;

/// A caller with a key, or without one.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    key: Option<String>,
}

/// Status and body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body; a JSON string when it was not JSON.
    pub body: Value,
}

impl Api {
    /// The first organization.
    pub fn owner() -> Self {
        Self::with_key(Some(STACK.api_key.clone()))
    }

    /// Any other caller.
    pub fn with_key(key: Option<String>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(90)).build().expect("a client can be built");
        Self { http, key }
    }

    /// A sandbox through the first edge, over the same client.
    pub fn toolbox(&self, id: &str) -> Toolbox {
        Toolbox::with(self.http.clone(), &STACK.proxy_url, id)
    }

    /// One request below the API's base URL.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.call_url(method, &format!("{}{path}", STACK.api_url), body).await
    }

    /// One request to any URL, with this caller's key.
    pub async fn call_url(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.http.request(method, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("no answer from {url}"))?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.with_context(|| format!("half an answer from {url}"))?;
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) })
    }

    /// One request that must be answered with 200.
    pub async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.call(method.clone(), path, body).await?;
        ensure!(answer.status == 200, "{method} {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// Creates one and waits until it is started.
    pub async fn create(&self, body: Value) -> Result<String> {
        let made = self.expect(Method::POST, "/sandbox", Some(&body)).await?;
        let id = made["id"].as_str().context("a sandbox has an id")?.to_owned();
        if made["state"] != "started" {
            self.until_state(&id, "started").await?;
        }
        Ok(id)
    }

    /// The body of `GET /sandbox/{id}`.
    pub async fn get(&self, id: &str) -> Result<Value> {
        self.expect(Method::GET, &format!("/sandbox/{id}"), None).await
    }

    /// Ids and states of everything the organization has.
    pub async fn list(&self) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.expect(Method::GET, &format!("/sandbox?limit=100{cursor}"), None).await?;
            for item in page["items"].as_array().context("a list has items")? {
                found.push((text(&item["id"]), text(&item["state"])));
            }
            match page["nextCursor"].as_str() {
                Some(next) if !next.is_empty() => cursor = format!("&cursor={next}"),
                _ => return Ok(found),
            }
        }
    }

    /// Asks for a start and waits until it is started.
    pub async fn start(&self, id: &str) -> Result<()> {
        self.expect(Method::POST, &format!("/sandbox/{id}/start"), None).await?;
        self.until_state(id, "started").await
    }

    /// Asks for a stop and waits until it is stopped.
    pub async fn stop(&self, id: &str) -> Result<()> {
        self.expect(Method::POST, &format!("/sandbox/{id}/stop"), None).await?;
        self.until_state(id, "stopped").await
    }

    /// Deletes and waits until it is unknown.
    pub async fn delete(&self, id: &str) -> Result<()> {
        let answer = self.call(Method::DELETE, &format!("/sandbox/{id}"), None).await?;
        ensure!(matches!(answer.status, 200 | 404), "delete of {id}: {} {}", answer.status, answer.body);
        self.until_gone(id).await
    }

    /// Waits until a sandbox is in a state.
    pub async fn until_state(&self, id: &str, wanted: &str) -> Result<()> {
        within(PATIENCE, &format!("{id} {wanted}"), || async {
            let seen = self.get(id).await?;
            Ok(if seen["state"] == wanted { Look::Done(()) } else { Look::NotYet(brief(&seen)) })
        })
        .await
    }

    /// Waits until a deleted sandbox is unknown.
    pub async fn until_gone(&self, id: &str) -> Result<()> {
        within(PATIENCE, &format!("{id} gone"), || async {
            let answer = self.call(Method::GET, &format!("/sandbox/{id}"), None).await?;
            Ok(if answer.status == 404 { Look::Done(()) } else { Look::NotYet(brief(&answer.body)) })
        })
        .await
    }
}

/// The usual body of a create, with a label that tells which test made it.
pub fn labelled(test: &str) -> Value {
    json!({ "labels": { "test": test } })
}

fn brief(sandbox: &Value) -> String {
    format!("state {}, desired {}, reason {}", sandbox["state"], sandbox["desiredState"], sandbox["errorReason"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
