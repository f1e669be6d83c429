//! The sandbox image without a registry: mmdebstrap makes a Debian root file system, `setup.sh` finishes it in a chroot,
//! `docker import` takes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{dockerfile, file, folder_hash, list};
use crate::engine::{docker, install_packages};
use crate::paths::cache;
use crate::process::{command, installed, run};
use crate::progress::step;

/// The suites of the `debian:bookworm` image.
const SOURCES: [&str; 3] = [
    "deb http://deb.debian.org/debian bookworm main",
    "deb http://deb.debian.org/debian bookworm-updates main",
    "deb http://deb.debian.org/debian-security bookworm-security main",
];

/// What `debian:bookworm-slim`, the base of the Dockerfile, leaves out too.
const LEFT_OUT: [&str; 5] = [
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
];

/// Where setup.sh finds its lists inside the new system.
const INSIDE: &str = "/tmp/paddock-image";

pub fn build(tag: &str) -> Result<()> {
    let tar = cache().join(format!("default-{}.tar", folder_hash()?));
    if !tar.is_file() {
        if !installed("mmdebstrap") {
            // The keyring is what Ubuntu lacks to trust Debian's packages.
            let packages = ["mmdebstrap", "debian-archive-keyring"];
            install_packages(&packages, "they make the sandbox image from Debian packages, without a registry")?;
        }
        forget_older(&tar)?;
        step("Making the sandbox image from Debian, PyPI and npm packages", || bootstrap(&tar))?;
    }
    let mut import = docker(["import"]);
    for change in dockerfile::changes()? {
        import.args(["--change", &change]);
    }
    step("Importing the sandbox image", || run(import.arg(&tar).arg(tag)))
}

fn bootstrap(tar: &Path) -> Result<()> {
    let part = tar.with_extension("part");
    let context = BuildFolder::make()?;
    let mut debian = command("mmdebstrap", ["--variant=minbase", "--format=tar"]);
    debian.arg(format!("--include={}", list("apt.txt")?.join(",")));
    debian.args(LEFT_OUT.map(|line| format!("--dpkgopt={line}")));
    // The tar is the result: the build's own files may be lost in a crash.
    debian.args(["--dpkgopt=force-unsafe-io", "--aptopt=Acquire::Languages \"none\""]);
    debian.args(["--aptopt=APT::Install-Recommends \"false\""]);
    context.add_hooks(&mut debian);
    debian.arg("bookworm").arg(&part).args(SOURCES);
    run(&mut debian)
        .context("making the sandbox image failed; it needs deb.debian.org, pypi.org and registry.npmjs.org")?;
    fs::rename(&part, tar)?;
    Ok(())
}

/// The folder that is copied into the new system for setup.sh.
struct BuildFolder {
    folder: PathBuf,
    /// Networks that inspect TLS: what this machine trusts is trusted while downloading.
    trust: Option<String>,
}

impl BuildFolder {
    fn make() -> Result<Self> {
        let folder = cache().join("paddock-image");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        for name in ["pip.txt", "npm.txt", "setup.sh"] {
            fs::write(folder.join(name), file(name)?)?;
        }
        let bundle = Path::new("/etc/ssl/certs/ca-certificates.crt");
        let trust = bundle.is_file().then(|| fs::copy(bundle, folder.join("ca.crt")));
        let trust = trust.transpose()?.map(|_| format!("{INSIDE}/ca.crt"));
        Ok(Self { folder, trust })
    }

    fn add_hooks(&self, debian: &mut Command) {
        if let Some(path) = &self.trust {
            debian.env("PADDOCK_IMAGE_CA", path);
        }
        debian.arg(format!("--customize-hook=copy-in {} /tmp", self.folder.display()));
        debian.arg(format!("--customize-hook=chroot \"$1\" sh {INSIDE}/setup.sh {INSIDE} && rm -rf \"$1{INSIDE}\""));
    }
}

/// Only the newest tar is worth half a gigabyte.
fn forget_older(keep: &Path) -> Result<()> {
    for entry in fs::read_dir(cache())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("default-") && path != keep {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
