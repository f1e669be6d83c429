//! What is on disk of a capture: the packed files, and a journal of their upload.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use paddock_wire::{agents::CaptureUpload, work::Manifest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::durable;

/// Parts after which the journal is written. A lost line costs only that its part is sent again.
const SAVE_EACH: u32 = 4;

/// Where a capture's files are.
#[derive(Debug, Clone)]
pub struct Spool {
    /// A tar of the files, compressed by zstd.
    pub packed: PathBuf,
    journal: PathBuf,
}

/// What must not be forgotten when the agent restarts.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Once all is packed, and on the disk.
    /// Whose files these are.
    #[serde(default)]
    pub sandbox: Option<Uuid>,
    #[serde(default)]
    pub manifest: Option<Manifest>,
    /// Once it is complete in S3. The spool is gone then.
    #[serde(default)]
    pub complete: bool,
    #[serde(default)]
    pub upload: Option<CaptureUpload>,
    /// Parts that are in S3, by number.
    #[serde(default)]
    pub parts: BTreeMap<u32, Part>,
}

/// A part that is in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// As S3 answered it.
    pub etag: String,
    /// Of its content, hex: packed anew, the same bytes need not be sent again.
    pub sha256: String,
}

/// The record in memory and on disk. Its calls wait for the disk.
pub struct Journal {
    path: PathBuf,
    record: Mutex<Record>,
    unsaved: Mutex<u32>,
}

impl Spool {
    pub fn new(dir: &Path, id: Uuid) -> Self {
        Self { packed: dir.join(format!("{id}.tar.zst")), journal: dir.join(format!("{id}.json")) }
    }

    pub fn is_packed(&self) -> bool {
        self.read().is_some_and(|record| self.holds(&record))
    }

    /// Reads the journal or begins one; either way this capture was asked for now.
    pub fn open(&self, sandbox: Uuid) -> io::Result<Journal> {
        let mut record = self.read().unwrap_or_default();
        record.sandbox = Some(sandbox);
        if !self.holds(&record) {
            record.manifest = None;
        }
        let journal = Journal { path: self.journal.clone(), record: Mutex::new(record), unsaved: Mutex::default() };
        journal.save()?;
        Ok(journal)
    }

    /// A new file to pack into.
    pub fn create(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.packed)
    }

    pub fn remove_packed(&self) -> io::Result<()> {
        match fs::remove_file(&self.packed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// All of it.
    pub fn remove(&self) -> io::Result<()> {
        self.remove_packed()?;
        fs::remove_file(&self.journal)
    }

    fn holds(&self, record: &Record) -> bool {
        let size = || fs::metadata(&self.packed).map(|meta| meta.len());
        record
            .manifest
            .as_ref()
            .is_some_and(|manifest| record.complete || size().is_ok_and(|size| size == manifest.size))
    }

    /// None also for what is not a journal: then all begins anew.
    fn read(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(&self.journal).ok()?).ok()
    }
}

impl Journal {
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change(&self, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        change(&mut self.record());
        self.save()
    }

    /// This is the upload; parts of another one are of no use.
    pub fn adopt(&self, upload: &CaptureUpload) -> io::Result<()> {
        self.change(|record| {
            if record.upload.as_ref() != Some(upload) {
                record.parts.clear();
                record.upload = Some(upload.clone());
            }
        })
    }

    pub fn add(&self, number: u32, part: Part) -> io::Result<()> {
        self.record().parts.insert(number, part);
        let due = {
            let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
            *unsaved += 1;
            *unsaved >= SAVE_EACH
        };
        if due { self.save() } else { Ok(()) }
    }

    pub fn save(&self) -> io::Result<()> {
        // Held while it is written: one at a time.
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = serde_json::to_vec(&*self.record())?;
        durable::replace(&self.path, &bytes, 0o600)?;
        *unsaved = 0;
        Ok(())
    }
}

/// Those of one sandbox.
pub fn of_sandbox(dir: &Path, sandbox: Uuid) -> io::Result<Vec<Spool>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(id) = name.strip_suffix(".json").and_then(|id| id.parse().ok()) else { continue };
        let spool = Spool::new(dir, id);
        if spool.read().is_some_and(|record| record.sandbox == Some(sandbox)) {
            found.push(spool);
        }
    }
    Ok(found)
}

/// Removes what was not touched for so long. A try that is under way touches it.
pub fn forget(dir: &Path, life: Duration) -> io::Result<()> {
    let mut by_capture: BTreeMap<String, Vec<(PathBuf, SystemTime)>> = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((id, _)) = name.split_once('.') else { continue };
        match entry.metadata().and_then(|meta| meta.modified()) {
            Ok(touched) => by_capture.entry(id.to_owned()).or_default().push((entry.path(), touched)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for files in by_capture.into_values() {
        let fresh = files
            .iter()
            .any(|(_, touched)| touched.elapsed().is_ok_and(|age| age < life) || touched > &SystemTime::now());
        for (path, _) in files.into_iter().filter(|_| !fresh) {
            tracing::info!(path = %path.display(), "removing what is left of a capture that nobody asks for");
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
