//! The end of a process and of all it left behind: its children and theirs, also those that left the group, took a
//! session of their own, or lost their parent.
//!
//! A tree is known by a variable that every process of it inherits, and by parents, group and session. Only a process
//! that has dropped its environment *and* lost its parent *and* left the group is not found.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use memchr::memmem;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::environment::Variables;

/// The variable; its value is a tree's own.
const MARK: &str = "PADDOCK_PROCESS_TREE";
/// Looks that find something alive after SIGKILL: what is left then belongs to another user.
const LOOKS_AFTER_KILL: u32 = 50;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How the processes of one tree are told from all others.
#[derive(Debug, Clone)]
pub struct Mark(String);

impl Mark {
    /// One more tree, whose first process gets the variable.
    pub fn add_to(environment: &mut Variables) -> Self {
        let value = Uuid::new_v4().to_string();
        environment.insert(MARK.into(), value.clone().into());
        Self(format!("{MARK}={value}\0"))
    }
}

/// A process as `/proc` has it; the time of its start tells it from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    parent: i32,
    group: i32,
    session: i32,
    started: u64,
    is_zombie: bool,
}

/// Those of the tree that were ever seen, with the times of their starts.
type Seen = BTreeMap<i32, u64>;

/// SIGTERM to all, and after `grace` SIGKILL to those that are still there. `root` is the first process, if it has not been
/// reaped yet: its number then stands for its group and session too.
pub async fn terminate(root: Option<i32>, mark: &Mark, grace: Duration) {
    let mut seen = look(root, mark, Seen::new()).await;
    signal(&seen, Signal::SIGTERM);
    let deadline = Instant::now() + grace;
    let mut pause = FIRST_PAUSE;
    while !seen.is_empty() && Instant::now() < deadline {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        seen = look(None, mark, seen).await;
    }
    finish(mark, seen).await;
}

/// SIGKILL to all, until there are none.
pub async fn kill_all(root: Option<i32>, mark: &Mark) {
    finish(mark, look(root, mark, Seen::new()).await).await;
}

async fn finish(mark: &Mark, mut seen: Seen) {
    let mut pause = FIRST_PAUSE;
    for _ in 0..LOOKS_AFTER_KILL {
        if seen.is_empty() {
            return;
        }
        signal(&seen, Signal::SIGKILL);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        seen = look(None, mark, seen).await;
    }
}

fn signal(seen: &Seen, signal: Signal) {
    for pid in seen.keys() {
        // It may just have ended, or belong to another user.
        let _ = kill(Pid::from_raw(*pid), signal);
    }
}

/// The living of the tree.
async fn look(root: Option<i32>, mark: &Mark, seen: Seen) -> Seen {
    let mark = mark.clone();
    spawn_blocking(move || members(&processes(), root, &seen, |pid| is_marked(pid, &mark))).await.unwrap_or_default()
}

fn members(
    all: &BTreeMap<i32, Process>,
    root: Option<i32>,
    seen: &Seen,
    is_marked: impl Fn(i32) -> bool,
) -> BTreeMap<i32, u64> {
    let is_seed = |pid: i32, process: &Process| {
        root.is_some_and(|root| [pid, process.group, process.session].contains(&root))
            || seen.get(&pid) == Some(&process.started)
            || is_marked(pid)
    };
    let mut found: BTreeMap<i32, Process> =
        all.iter().filter(|(pid, process)| is_seed(**pid, process)).map(|(pid, process)| (*pid, *process)).collect();
    loop {
        let of_found: Vec<_> = all
            .iter()
            .filter(|(pid, process)| found.contains_key(&process.parent) && !found.contains_key(*pid))
            .map(|(pid, process)| (*pid, *process))
            .collect();
        if of_found.is_empty() {
            break;
        }
        found.extend(of_found);
    }
    found.retain(|_, process| !process.is_zombie);
    found.into_iter().map(|(pid, process)| (pid, process.started)).collect()
}

fn processes() -> BTreeMap<i32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?))).collect()
}

/// The name of the program stands in brackets and may hold anything, brackets too.
fn parse(stat: &str) -> Option<Process> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    Some(Process {
        is_zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn is_marked(pid: i32, mark: &Mark) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| memmem::find(&environment, mark.0.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets() {
        let stat = "42 (a) b (c) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 1\n";
        let expected = Process { parent: 7, group: 8, session: 9, started: 12345, is_zombie: false };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("42 (a) S 7"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn who_belongs_to_a_tree() {
        let process = |parent, group, started| Process { parent, group, session: group, started, is_zombie: false };
        let all = BTreeMap::from([
            (1, process(0, 1, 1)),
            (10, process(1, 10, 2)),
            (11, process(10, 11, 3)),
            (12, process(11, 12, 4)),
            (13, process(1, 13, 5)),
            (14, process(13, 14, 6)),
            (15, process(1, 10, 7)),
            (16, process(1, 16, 8)),
            (17, process(1, 17, 9)),
            (18, Process { is_zombie: true, ..process(10, 10, 9) }),
        ]);
        // 16 is another process under a number that was seen.
        let seen = Seen::from([(16, 1), (17, 9)]);
        let found = members(&all, Some(10), &seen, |pid| pid == 13);
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [10, 11, 12, 13, 14, 15, 17]);
        assert_eq!(members(&all, None, &Seen::new(), |_| false), Seen::new());
    }
}
