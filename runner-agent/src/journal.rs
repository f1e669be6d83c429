//! What must outlive the agent and stands nowhere else: a small file, replaced as a whole.
//!
//! * the runner id, so that a restarted agent is the same runner
//! * tombstones, so that a late `create` does not revive what was destroyed
//! * since when files of lost placements are kept

use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::durable;

/// Longer than a queue keeps a message by far.
const TOMBSTONE_LIFE: Duration = Duration::from_secs(3600);
const FILE: &str = "journal.json";

/// The journal of this state directory.
pub struct Journal {
    path: PathBuf,
    content: Mutex<Content>,
    /// Held while the file is written, so that readers need not wait for the disk.
    writing: Mutex<()>,
    clock: Clock,
}

/// Seconds since 1970.
pub type Clock = fn() -> u64;

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
        Self::with_clock(state_dir, system_clock)
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub fn with_clock(state_dir: &Path, clock: Clock) -> io::Result<Self> {
        fs::create_dir_all(state_dir)?;
        let path = state_dir.join(FILE);
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| io::Error::other(format!("{} is damaged: {error}", path.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, content: Mutex::new(content), writing: Mutex::default(), clock })
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
        self.change(|content| {
            content.runner_id = Some(id);
            true
        })
    }

    /// This epoch of the sandbox, and all before it, are destroyed. Waits for the disk.
    ///
    /// # Errors
    /// When it cannot be written: then destruction has to wait.
    pub fn bury(&self, sandbox: Uuid, epoch: u64) -> io::Result<()> {
        let now = (self.clock)();
        self.change(|content| {
            content.tombstones.retain(|_, stone| now.saturating_sub(stone.at) < TOMBSTONE_LIFE.as_secs());
            let stone = content.tombstones.entry(sandbox).or_insert(Tombstone { epoch, at: now });
            *stone = Tombstone { epoch: stone.epoch.max(epoch), at: now };
            true
        })
    }

    /// The highest destroyed epoch of a sandbox, for an hour.
    #[must_use]
    pub fn tombstone(&self, sandbox: Uuid) -> Option<u64> {
        let stone = *self.lock().tombstones.get(&sandbox)?;
        ((self.clock)().saturating_sub(stone.at) < TOMBSTONE_LIFE.as_secs()).then_some(stone.epoch)
    }

    /// The control plane does not want these placements: for how long has it said so?
    ///
    /// # Errors
    /// When the first time cannot be written.
    pub fn kept_for(&self, placements: &[(Uuid, u64)]) -> io::Result<Vec<Duration>> {
        let now = (self.clock)();
        let mut since = Vec::with_capacity(placements.len());
        self.change(|content| {
            let before = content.kept.len();
            let keys = placements.iter().map(|(sandbox, epoch)| kept_key(*sandbox, *epoch));
            since.extend(keys.map(|key| *content.kept.entry(key).or_insert(now)));
            content.kept.len() > before
        })?;
        Ok(since.into_iter().map(|since| Duration::from_secs(now.saturating_sub(since))).collect())
    }

    /// It is wanted after all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn wanted(&self, sandbox: Uuid, epoch: u64) -> io::Result<()> {
        self.change(|content| content.kept.remove(&kept_key(sandbox, epoch)).is_some())
    }

    /// Forgets since when placements were kept that are no longer here.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget_absent(&self, here: &HashSet<(Uuid, u64)>) -> io::Result<()> {
        let here: HashSet<String> = here.iter().map(|(sandbox, epoch)| kept_key(*sandbox, *epoch)).collect();
        self.change(|content| {
            let before = content.kept.len();
            content.kept.retain(|key, _| here.contains(key));
            content.kept.len() < before
        })
    }

    /// `change` says whether there is something to write.
    fn change(&self, change: impl FnOnce(&mut Content) -> bool) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = {
            let mut content = self.lock();
            if !change(&mut content) {
                return Ok(());
            }
            serde_json::to_vec(&*content)?
        };
        durable::replace(&self.path, &bytes, 0o600)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept_key(sandbox: Uuid, epoch: u64) -> String {
    format!("{sandbox} {epoch}")
}

fn system_clock() -> u64 {
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
    fn what_is_no_longer_here_is_not_kept_in_mind() {
        let dir = tempfile::tempdir().unwrap();
        let (here, gone) = (Uuid::new_v4(), Uuid::new_v4());
        let journal = Journal::open(dir.path()).unwrap();
        journal.kept_for(&[(here, 1), (gone, 1)]).unwrap();
        journal.forget_absent(&HashSet::from([(here, 1)])).unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        assert_eq!(journal.lock().kept.keys().collect::<Vec<_>>(), [&kept_key(here, 1)]);
    }

    #[test]
    fn a_damaged_journal_is_not_taken_for_a_fresh_start() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(Journal::open(dir.path()).is_err());
    }
}
