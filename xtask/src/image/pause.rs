//! The pause image: one static binary that waits. Each sandbox joins the network namespace of such a container, made
//! in advance, which spares its start the building of a network (design §6).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::engine::{docker, has_image};
use crate::paths::cache;
use crate::process::{command, output, run};
use crate::progress::step;

/// Makes `paddock-pause:<hash>` of the daemon's binary unless it is there.
pub fn provide_pause(daemon: &Path) -> Result<String> {
    let binary = fs::read(daemon).with_context(|| format!("cannot read {}", daemon.display()))?;
    let tag = format!("paddock-pause:{}", &hex::encode(Sha256::digest(&binary))[..12]);
    if !has_image(&tag) {
        step("Making the pause image", || build(daemon, &tag))?;
    }
    Ok(tag)
}

fn build(daemon: &Path, tag: &str) -> Result<()> {
    let folder = cache().join("pause");
    fs::create_dir_all(&folder)?;
    fs::copy(daemon, folder.join("pause"))?;
    let mut tar = command("tar", ["--create", "--owner=0", "--group=0", "--mode=755", "--directory"]);
    let mut tar = tar.arg(&folder).arg("pause").stdout(Stdio::piped()).spawn().context("cannot run tar")?;
    let stream = tar.stdout.take().context("tar has no output")?;
    let mut import = docker(["import", "--change", r#"ENTRYPOINT ["/pause","pause"]"#, "-", tag]);
    let imported = import.stdin(stream).stdout(Stdio::null()).status().context("cannot run docker")?;
    if !tar.wait()?.success() || !imported.success() {
        bail!("making {tag} failed");
    }
    // A binary that needs a loader does not even start in an image without one.
    let id = output(&mut docker(["run", "--detach", "--rm", "--network", "none", tag]));
    let id = id.with_context(|| format!("{} does not run alone; is it static?", daemon.display()))?;
    run(&mut docker(["rm", "--force", &id]))
}
