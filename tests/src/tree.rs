//! A tree of files of every kind in a sandbox. It is made and listed there, by `tree.py`, so that what is compared is what
//! the sandbox's own processes see.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::toolbox::Toolbox;

const SCRIPT: &str = "/home/daytona/tree.py";

/// Exit codes of the script, and of Python when there is no script.
const CHANGED: i64 = 3;
const NO_SCRIPT: i64 = 2;

/// Numbers of buildings: a sandbox refuses one that comes after a later one.
static TURNS: AtomicU32 = AtomicU32::new(1);

/// What is known of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Of the list of its files.
    sha256: String,
}

impl Tree {
    /// Makes one with so many small files besides. One that was begun before is made anew.
    pub async fn build(toolbox: &Toolbox, files: usize) -> Result<Self> {
        let turn = TURNS.fetch_add(1, Ordering::Relaxed);
        toolbox.upload(SCRIPT, include_bytes!("tree.py").to_vec()).await?;
        let built = toolbox.sh(&format!("sudo python3 {SCRIPT} build {files} {turn}")).await;
        let output = built.context("the tree cannot be made")?;
        // sudo may have something to say before.
        let sha256 = output.lines().last().unwrap_or_default();
        ensure!(sha256.len() == 64, "no digest: {output}");
        Ok(Self { sha256: sha256.to_owned() })
    }

    /// Fails when anything is not as it was.
    pub async fn verify(&self, toolbox: &Toolbox) -> Result<()> {
        match self.changes(toolbox).await? {
            Some(changes) => bail!("files came back changed:\n{changes}"),
            None => Ok(()),
        }
    }

    /// What is not as it was, if anything. An error says only that it could not be looked at.
    pub async fn changes(&self, toolbox: &Toolbox) -> Result<Option<String>> {
        let ran = toolbox.exec(&format!("sudo python3 {SCRIPT} check {}", self.sha256)).await?;
        match ran.code {
            0 => Ok(None),
            CHANGED => Ok(Some(ran.output)),
            NO_SCRIPT => Ok(Some(format!("{SCRIPT} is gone: {}", ran.output))),
            code => bail!("the tree could not be looked at: exit code {code}: {}", ran.output),
        }
    }
}
