//! A tree of files of every kind in a sandbox. It is made and listed there, by `tree.py`, so that what is compared is what
//! the sandbox's own processes see.

use anyhow::{Context, Result, ensure};
use paddock_tests::toolbox::Toolbox;

const SCRIPT: &str = "/home/daytona/tree.py";
const LISTED: &str = "/home/daytona/tree.txt";

/// What is known of a tree.
pub struct Tree {
    /// Of the list: the copy that stays in the sandbox only says where a difference is.
    sha256: String,
}

impl Tree {
    /// Makes one with so many small files besides.
    pub async fn build(toolbox: &Toolbox, files: usize) -> Result<Self> {
        toolbox.upload(SCRIPT, include_bytes!("tree.py").to_vec()).await?;
        toolbox.sh(&format!("sudo python3 {SCRIPT} build {files}")).await.context("the tree cannot be made")?;
        // Blocks are counted once they are allocated.
        toolbox.sh("sync -f /home/daytona/tree").await?;
        toolbox.sh(&format!("sudo python3 {SCRIPT} list > {LISTED}")).await?;
        let lines: usize = toolbox.sh(&format!("wc -l < {LISTED}")).await?.trim().parse()?;
        ensure!(lines > files, "a list of {lines} lines for more than {files} files");
        Ok(Self { sha256: digest_of(toolbox, LISTED).await? })
    }

    /// Fails when anything is not as it was.
    pub async fn verify(&self, toolbox: &Toolbox) -> Result<()> {
        toolbox.sh(&format!("sudo python3 {SCRIPT} list > /tmp/now")).await?;
        let compare = format!("diff {LISTED} /tmp/now > /tmp/changes; head -20 /tmp/changes; test ! -s /tmp/changes");
        toolbox.sh(&compare).await.context("files came back changed")?;
        ensure!(digest_of(toolbox, "/tmp/now").await? == self.sha256, "the list itself came back changed");
        Ok(())
    }
}

async fn digest_of(toolbox: &Toolbox, path: &str) -> Result<String> {
    let line = toolbox.sh(&format!("sha256sum {path}")).await?;
    Ok(line.split(' ').next().unwrap_or_default().to_owned())
}
