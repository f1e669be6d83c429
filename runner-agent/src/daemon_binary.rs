//! The daemon as sandboxes get it. A sandbox keeps the daemon that it was made with, over restarts too, so each
//! version is copied to the state directory under its digest; the pause image is made of the same file.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest;
use bytes::Bytes;

use crate::{
    durable,
    engine::{Engine, EngineError},
};

/// A version of the daemon on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonBinary {
    /// The copy to mount.
    pub path: PathBuf,
    /// First digits of its SHA-256.
    pub version: String,
    content: Bytes,
}

/// Copies the daemon to the state directory, unless that version is there.
///
/// # Errors
/// When it cannot be read, or the copy not be written.
pub fn keep(daemon: &Path, state_dir: &Path) -> io::Result<DaemonBinary> {
    let content = std::fs::read(daemon)
        .map_err(|error| io::Error::new(error.kind(), format!("daemon {}: {error}", daemon.display())))?;
    let version = hex::encode(digest::digest(&digest::SHA256, &content))[..12].to_owned();
    let dir = state_dir.join("daemon");
    let path = dir.join(&version);
    if !path.exists() {
        std::fs::create_dir_all(&dir)?;
        durable::replace(&path, &content, 0o755)?;
    }
    // A mount's source must be absolute.
    Ok(DaemonBinary { path: path.canonicalize()?, version, content: content.into() })
}

/// The image of pause containers: nothing but the daemon, told to wait. Made unless it is there.
///
/// # Errors
/// When the engine cannot make it.
pub async fn pause_image(engine: &Arc<dyn Engine>, daemon: &DaemonBinary) -> Result<String, EngineError> {
    let reference = format!("paddock-pause:{}", daemon.version);
    if engine.image(&reference).await?.is_none() {
        let layer = layer(&daemon.content).map_err(|error| EngineError::Rejected(error.to_string()))?;
        engine.import(&reference, layer, &["/pause", "pause"]).await?;
        tracing::info!(reference, "made the pause image");
    }
    Ok(reference)
}

fn layer(program: &[u8]) -> io::Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    header.set_cksum();
    tar.append_data(&mut header, "pause", program)?;
    Ok(tar.into_inner()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandboxes_keep_the_version_they_were_made_with() {
        let dir = tempfile::tempdir().unwrap();
        let daemon = dir.path().join("daemon-build");
        std::fs::write(&daemon, "one").unwrap();
        let first = keep(&daemon, dir.path()).unwrap();
        std::fs::write(&daemon, "two").unwrap();
        let second = keep(&daemon, dir.path()).unwrap();
        assert_ne!(first.path, second.path);
        assert_eq!(std::fs::read(first.path).unwrap(), b"one");
    }
}
