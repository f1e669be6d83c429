//! The images a stack needs: the default sandbox image and the pause image.
//!
//! Two roads lead to the sandbox image, with the same content: [`packages`] (mmdebstrap and `docker import`; needs Debian,
//! PyPI and npm packages, no registry) and `docker build` of the Dockerfile. The lists `images/default/*.txt` and `setup.sh` drive both, and
//! [`dockerfile`] reads the image's configuration from the Dockerfile, so that there is nothing to keep in step by hand.

mod content;
mod dockerfile;
mod packages;
mod pause;

pub use content::check_content;
pub use pause::provide_pause;

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::{docker, has_image};
use crate::paths::{cache, repo};
use crate::process::{installed, run};
use crate::progress::step;

/// How to make the default image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Source {
    /// From packages where apt is at hand, else from the Dockerfile.
    Auto,
    /// From Debian, PyPI and npm packages; no registry.
    Packages,
    /// `docker build`; the base image comes from a registry.
    Dockerfile,
}

/// Makes the default sandbox image unless it is there, and returns its tag. The tag changes exactly when a file of
/// `images/default` does.
pub fn provide_default(source: Source) -> Result<String> {
    let tag = format!("paddock-sandbox:{}", folder_hash()?);
    if has_image(&tag) {
        return Ok(tag);
    }
    let _lock = lock()?;
    // Another stack may have made it while we waited.
    if has_image(&tag) {
        return Ok(tag);
    }
    let from_packages = match source {
        Source::Auto => installed("apt-get"),
        Source::Packages => true,
        Source::Dockerfile => false,
    };
    if from_packages {
        packages::build(&tag)?;
    } else {
        let folder = folder().display().to_string();
        step("Building the sandbox image", || run(&mut docker(["build", "--tag", &tag, &folder])))?;
    }
    Ok(tag)
}

/// One maker of images at a time: they share the cache.
fn lock() -> Result<Flock<File>> {
    fs::create_dir_all(cache())?;
    let file = File::create(cache().join("image.lock"))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error).context("cannot lock the cache of images")
}

fn folder() -> PathBuf {
    repo().join("images/default")
}

fn file(name: &str) -> Result<String> {
    let path = folder().join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The words of a list file, one per line.
fn list(name: &str) -> Result<Vec<String>> {
    Ok(file(name)?.split_whitespace().map(str::to_owned).collect())
}

/// First 12 hex digits over names and contents of the folder.
fn folder_hash() -> Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let mut hash = Sha256::new();
    for path in files.iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let content = fs::read(path)?;
        hash.update(format!("{name} {}\n", content.len()));
        hash.update(&content);
    }
    Ok(hex::encode(hash.finalize())[..12].to_owned())
}
