//! What is known of the sandboxes, what has been done, and what went wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paddock_tests::api::Api;
use paddock_tests::stack::STACK;
use paddock_tests::toolbox::Toolbox;
use paddock_tests::tree::Tree;
use tokio::time::Instant;

/// Everything that workers and faults share.
pub struct World {
    /// The first organization.
    pub api: Api,
    pub counts: Counts,
    http: reqwest::Client,
    edges: [String; 2],
    start: Instant,
    state: Mutex<State>,
}

/// What has been done.
#[derive(Default)]
pub struct Counts {
    pub made: AtomicU32,
    pub deleted: AtomicU32,
    /// States reached that were asked for.
    pub transitions: AtomicU32,
    pub verified: AtomicU32,
    pub faults: AtomicU32,
    /// Answers that were none, or not the wanted ones.
    pub retries: AtomicU32,
    /// Ended in an error before they held anything: faults may do that to a create or a fork.
    pub stillborn: AtomicU32,
}

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    LostFiles,
    LostSandbox,
    Misnamed,
    NeverSucceeded,
    Transitional,
}

struct State {
    /// Sandboxes whose files were acknowledged and must be there, until their deletion is asked for.
    trees: BTreeMap<String, Tree>,
    failures: Vec<(Failure, String)>,
    last_fault: Instant,
}

impl World {
    pub fn new() -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client can be built");
        let state = State { trees: BTreeMap::new(), failures: Vec::new(), last_fault: Instant::now() };
        Self {
            api: Api::owner(),
            counts: Counts::default(),
            http,
            edges: [STACK.proxy_url.clone(), STACK.second_proxy_url()],
            start: Instant::now(),
            state: Mutex::new(state),
        }
    }

    /// A line with the time.
    pub fn say(&self, line: &str) {
        println!("{:7.1} s  {line}", self.start.elapsed().as_secs_f64());
    }

    /// A sandbox through either edge; each call may take the other one.
    pub fn toolbox(&self, id: &str) -> Toolbox {
        let edge = self.counts.verified.load(Ordering::Relaxed) as usize % self.edges.len();
        Toolbox::with(self.http.clone(), &self.edges[edge], id)
    }

    /// A fault begins or ends: what fails now may be due to it.
    pub fn fault(&self, what: &str) {
        count(&self.counts.faults);
        self.disturbed();
        self.say(&format!("fault: {what}"));
    }

    /// A fault has just ended.
    pub fn disturbed(&self) {
        self.state().last_fault = Instant::now();
    }

    pub fn last_fault(&self) -> Instant {
        self.state().last_fault
    }

    pub fn failed(&self, failure: Failure, what: String) {
        self.say(&format!("FAILURE {failure:?}: {what}"));
        self.state().failures.push((failure, what));
    }

    pub fn failures(&self, of: Failure) -> Vec<String> {
        let state = self.state();
        state.failures.iter().filter(|(failure, _)| *failure == of).map(|(_, what)| what.clone()).collect()
    }

    /// From now on these files must be there.
    pub fn promise(&self, id: &str, tree: Tree) {
        self.state().trees.insert(id.to_owned(), tree);
    }

    /// From now on nobody cares.
    pub fn let_go(&self, id: &str) {
        self.state().trees.remove(id);
    }

    pub fn promised(&self) -> BTreeMap<String, Tree> {
        self.state().trees.clone()
    }

    pub fn progress(&self) -> String {
        let Counts { made, deleted, transitions, verified, faults, retries, stillborn } = &self.counts;
        let [made, deleted, transitions, verified, faults, retries, stillborn] =
            [made, deleted, transitions, verified, faults, retries, stillborn].map(|n| n.load(Ordering::Relaxed));
        format!(
            "{made} sandboxes made, {deleted} deleted, {transitions} transitions, {verified} trees verified, {faults} faults; \
             {retries} requests repeated, {stillborn} stillborn, {} failures",
            self.state().failures.len()
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more.
pub fn count(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}
