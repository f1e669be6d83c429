//! The data path: one sandbox's daemon through an edge.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::converge::{Look, PATIENCE, within};
use crate::stack::STACK;

/// A sandbox seen through one edge.
#[derive(Debug, Clone)]
pub struct Toolbox {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit code.
    pub code: i64,
    /// Output and errors.
    pub output: String,
}

impl Toolbox {
    /// Through the first edge.
    pub fn of(id: &str) -> Self {
        Self::through(&STACK.proxy_url, id)
    }

    /// Through a chosen edge.
    pub fn through(proxy_url: &str, id: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(90)).build().expect("a client can be built");
        Self::with(http, proxy_url, id)
    }

    /// With the connections of another client: making a client takes longer than a call.
    pub fn with(http: reqwest::Client, proxy_url: &str, id: &str) -> Self {
        Self { http, base: format!("{proxy_url}/{id}"), key: STACK.api_key.clone() }
    }

    /// Runs a shell command.
    pub async fn exec(&self, command: &str) -> Result<Ran> {
        let answer = self.post("/process/execute", &json!({ "command": command })).await?;
        let code = answer["exitCode"].as_i64().context("a result has an exit code")?;
        Ok(Ran { code, output: answer["result"].as_str().unwrap_or_default().trim_end().to_owned() })
    }

    /// Runs a shell command that must succeed, and returns its output.
    pub async fn sh(&self, command: &str) -> Result<String> {
        let ran = self.exec(command).await?;
        ensure!(ran.code == 0, "{command}: exit code {}: {}", ran.code, ran.output);
        Ok(ran.output)
    }

    /// Runs Python code, as the SDKs' `code_run`.
    pub async fn python(&self, code: &str) -> Result<Ran> {
        let answer = self.post("/process/code-run", &json!({ "code": code, "language": "python" })).await?;
        let code = answer["exitCode"].as_i64().context("a result has an exit code")?;
        Ok(Ran { code, output: answer["result"].as_str().unwrap_or_default().trim_end().to_owned() })
    }

    /// Writes a file.
    pub async fn upload(&self, path: &str, content: Vec<u8>) -> Result<()> {
        let part = reqwest::multipart::Part::bytes(content).file_name(path.to_owned());
        let form = reqwest::multipart::Form::new().text("files[0].path", path.to_owned()).part("files[0].file", part);
        let url = format!("{}/files/bulk-upload", self.base);
        let answer = self.http.post(&url).bearer_auth(&self.key).multipart(form).send().await?;
        checked(answer).await?;
        Ok(())
    }

    /// Reads a file.
    pub async fn download(&self, path: &str) -> Result<Vec<u8>> {
        let url = format!("{}/files/download", self.base);
        let answer = self.http.get(&url).query(&[("path", path)]).bearer_auth(&self.key).send().await?;
        Ok(checked(answer).await?.bytes().await?.to_vec())
    }

    /// Waits until commands run again after something was broken.
    pub async fn until_works(&self) -> Result<()> {
        within(PATIENCE, "commands run", || async {
            let ran = self.exec("echo works").await?;
            Ok(if ran.output == "works" { Look::Done(()) } else { Look::NotYet(format!("{ran:?}")) })
        })
        .await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body).send().await?;
        Ok(checked(answer).await?.json().await?)
    }
}

async fn checked(answer: reqwest::Response) -> Result<reqwest::Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let path = answer.url().path().to_owned();
    anyhow::bail!("{path}: {status} {}", answer.text().await.unwrap_or_default())
}
