//! What must outlive the agent and stands nowhere else: a small file, replaced as a whole.
//!
//! * the runner id, so that a restarted agent is the same runner
//! * tombstones, so that a late `create` does not revive what was destroyed
//! * since when files of lost placements are kept

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longer than a queue keeps a message by far.
const TOMBSTONE_LIFE: Duration = Duration::from_secs(3600);
const FILE: &str = "journal.json";

/// The journal of this state directory.
pub struct Journal {
    path: PathBuf,
    content: Mutex<Content>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    runner_id: Option<Uuid>,
    #[serde(default)]
    tombstones: BTreeMap<Uuid, Tombstone>,
    /// `<sandbox> <epoch>` → seconds since 1970.
    #[serde(default)]
    kept: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Tombstone {
    epoch: u64,
    /// Seconds since 1970: it must be comparable after a reboot.
    at: u64,
}

impl Journal {
    /// Reads the journal, or begins one.
    ///
    /// # Errors
    /// When the directory cannot be made or the file not be read. A file that is not a journal is an error too:
    /// going on without it would make this a new runner and orphan every container.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(state_dir)?;
        let path = state_dir.join(FILE);
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| io::Error::other(format!("{} is damaged: {error}", path.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, content: Mutex::new(content) })
    }

    /// The id from an earlier life.
    #[must_use]
    pub fn runner_id(&self) -> Option<Uuid> {
        self.lock().runner_id
    }

    /// Keeps the id.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_runner_id(&self, id: Uuid) -> io::Result<()> {
        let mut content = self.lock();
        content.runner_id = Some(id);
        self.write(&content)
    }

    /// This epoch of the sandbox, and all before it, are destroyed.
    ///
    /// # Errors
    /// When it cannot be written: then destruction has to wait.
    pub fn bury(&self, sandbox: Uuid, epoch: u64) -> io::Result<()> {
        let now = now();
        let mut content = self.lock();
        content.tombstones.retain(|_, stone| now.saturating_sub(stone.at) < TOMBSTONE_LIFE.as_secs());
        let stone = content.tombstones.entry(sandbox).or_insert(Tombstone { epoch, at: now });
        *stone = Tombstone { epoch: stone.epoch.max(epoch), at: now };
        content.kept.remove(&kept_key(sandbox, epoch));
        self.write(&content)
    }

    /// The highest destroyed epoch of a sandbox, for an hour.
    #[must_use]
    pub fn tombstone(&self, sandbox: Uuid) -> Option<u64> {
        let stone = *self.lock().tombstones.get(&sandbox)?;
        (now().saturating_sub(stone.at) < TOMBSTONE_LIFE.as_secs()).then_some(stone.epoch)
    }

    /// The control plane does not want this placement: for how long has it said so?
    ///
    /// # Errors
    /// When the first time cannot be written.
    pub fn kept_for(&self, sandbox: Uuid, epoch: u64) -> io::Result<Duration> {
        let now = now();
        let mut content = self.lock();
        let since = content.kept.get(&kept_key(sandbox, epoch)).copied();
        if since.is_none() {
            content.kept.insert(kept_key(sandbox, epoch), now);
            self.write(&content)?;
        }
        Ok(Duration::from_secs(now.saturating_sub(since.unwrap_or(now))))
    }

    /// It is wanted after all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn wanted(&self, sandbox: Uuid, epoch: u64) -> io::Result<()> {
        let mut content = self.lock();
        if content.kept.remove(&kept_key(sandbox, epoch)).is_some() {
            self.write(&content)?;
        }
        Ok(())
    }

    fn write(&self, content: &Content) -> io::Result<()> {
        let draft = self.path.with_extension("draft");
        fs::write(&draft, serde_json::to_vec(content)?)?;
        fs::rename(draft, &self.path)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept_key(sandbox: Uuid, epoch: u64) -> String {
    format!("{sandbox} {epoch}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_agent_remembers() {
        let dir = tempfile::tempdir().unwrap();
        let (runner, sandbox) = (Uuid::new_v4(), Uuid::new_v4());
        let journal = Journal::open(dir.path()).unwrap();
        journal.set_runner_id(runner).unwrap();
        journal.bury(sandbox, 3).unwrap();
        journal.bury(sandbox, 2).unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        assert_eq!(journal.runner_id(), Some(runner));
        assert_eq!(journal.tombstone(sandbox), Some(3), "a late notice of an older epoch takes nothing back");
        assert_eq!(journal.tombstone(Uuid::new_v4()), None);
    }

    #[test]
    fn a_damaged_journal_is_not_taken_for_a_fresh_start() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(Journal::open(dir.path()).is_err());
    }
}
