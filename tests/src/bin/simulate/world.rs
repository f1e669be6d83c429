//! One world: its seed decides all that happens in it.

use std::{sync::Arc, time::Duration};

use paddock_model::entropy;
use paddock_runner_agent::engine::fake::FakeEngine;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    aws::Aws,
    chance, clock,
    cloud::Cloud,
    invariants::{self, rest, words},
    machine::Machine,
    trace,
    user::User,
};

/// Things that happen in a world before it calms down.
const STEPS: u64 = 60;
const MOST_THOUGHT: Duration = Duration::from_secs(14);
const MINUTE: Duration = Duration::from_secs(60);
/// In a calm world: the longest deadline of a state, and more than two sweeps.
const CALM_MINUTES: u32 = 70;

/// What came of a world.
pub struct Outcome {
    /// The first rule that was broken.
    pub broken: Option<String>,
    /// The last lines of what happened.
    pub tail: Vec<String>,
    /// Of all that happened: the same for the same seed.
    pub digest: u64,
}

struct World {
    aws: Aws,
    cloud: Arc<Cloud>,
    machines: Vec<Machine>,
    user: User,
    /// At most one machine is lost for ever.
    lost: Option<usize>,
}

/// Lives through the world of this seed.
pub fn run(seed: u64, aloud: bool) -> Outcome {
    entropy::seed(seed);
    fastrand::seed(seed);
    chance::calm();
    trace::begin(aloud);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.expect("a runtime starts");
    runtime.block_on(async {
        clock::begin();
        World::new().await.live().await;
    });
    drop(runtime);
    Outcome { broken: trace::verdict(), tail: trace::tail(80), digest: trace::digest() }
}

impl World {
    async fn new() -> Self {
        let aws = Aws::new();
        let cloud = Cloud::new(&aws).await;
        invariants::watch(&aws);
        cloud.bootstrap(u32::try_from(entropy::below(3)).unwrap_or_default()).await;
        let user = User::new(&cloud);
        Self { aws, cloud, machines: vec![Machine::new(1), Machine::new(2)], user, lost: None }
    }

    async fn live(mut self) {
        let ticks = self.begin_ticks();
        for machine in &mut self.machines {
            machine.start(&self.cloud, &self.aws).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        chance::unsettle();
        for _ in 0..STEPS {
            tokio::time::sleep(chance::span(MOST_THOUGHT)).await;
            self.step().await;
            self.look().await;
            if trace::verdict().is_some() {
                break;
            }
        }
        if trace::verdict().is_none() {
            self.end_well().await;
        }
        ticks.abort();
        for machine in &mut self.machines {
            machine.kill().await;
        }
    }

    /// As EventBridge does it, and not always.
    fn begin_ticks(&self) -> JoinHandle<()> {
        let cloud = Arc::clone(&self.cloud);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(MINUTE).await;
                if !chance::mishap(50) {
                    let cloud = Arc::clone(&cloud);
                    // The next one comes, be this one done or not.
                    tokio::spawn(async move { drop(cloud.operate(json!({})).await) });
                }
            }
        })
    }

    async fn step(&mut self) {
        let at = entropy::index(self.machines.len());
        let (cloud, aws) = (Arc::clone(&self.cloud), self.aws.clone());
        match entropy::below(100) {
            0..=69 => self.user.act(&aws, &self.machines).await,
            70..=73 => self.mark_runner(at).await,
            74 => self.fill_a_disk(at),
            75..=80 => self.restart_agent(at).await,
            81..=84 => {
                let machine = &mut self.machines[at];
                if self.lost != Some(at) && !machine.lives() {
                    trace::note(format!("{}: its agent starts", machine.name));
                    machine.start(&cloud, &aws).await;
                } else {
                    trace::note(format!("{}: its agent ends", machine.name));
                    machine.kill().await;
                }
            }
            85..=88 => {
                let cut = self.machines[at].is_reachable();
                trace::note(format!("{}: cut off: {cut}", self.machines[at].name));
                self.machines[at].set_cut(cut);
            }
            89..=90 => {
                trace::note(format!("{}: its engine restarts", self.machines[at].name));
                self.machines[at].engine.restart();
            }
            91..=94 => self.end_a_container(at),
            95..=96 => self.lose_machine(at).await,
            _ => self.aws.table.expire(),
        }
    }

    /// Killed wherever it is, and started again by its supervisor.
    async fn restart_agent(&mut self, at: usize) {
        if self.lost == Some(at) {
            return;
        }
        let (cloud, aws) = (Arc::clone(&self.cloud), self.aws.clone());
        for _ in 0..entropy::below(30) {
            tokio::task::yield_now().await;
        }
        trace::note(format!("{}: its agent is killed", self.machines[at].name));
        self.machines[at].kill().await;
        tokio::time::sleep(chance::span(Duration::from_secs(2))).await;
        self.machines[at].start(&cloud, &aws).await;
    }

    fn end_a_container(&self, at: usize) {
        let running: Vec<_> = self.machines[at].engine.names().into_iter().filter(|(_, runs)| *runs).collect();
        if let Some((name, _)) = chance::pick(&running) {
            trace::note(format!("{}: {name} ends", self.machines[at].name));
            self.machines[at].engine.lose(name, 137, chance::permille(300));
        }
    }

    /// A sandbox writes more than it may, or tidies up.
    fn fill_a_disk(&self, at: usize) {
        let running: Vec<_> = self.machines[at].engine.names().into_iter().filter(|(_, runs)| *runs).collect();
        if let Some((name, _)) = chance::pick(&running) {
            let bytes = if chance::permille(700) { 1 << 40 } else { 0 };
            trace::note(format!("{}: {name} takes {bytes} bytes of the disk", self.machines[at].name));
            self.machines[at].engine.fill(name, bytes);
        }
    }

    /// An operator keeps new sandboxes from it, or empties it, or ends one of these.
    async fn mark_runner(&mut self, at: usize) {
        let Some(runner) = self.machines[at].runner_id() else { return };
        let on = chance::permille(600);
        let (what, command) = match entropy::below(2) {
            0 => {
                ("unschedulable", json!({"command": "set-runner-scheduling", "runnerId": runner, "unschedulable": on}))
            }
            _ => ("draining", json!({"command": "set-runner-draining", "runnerId": runner, "draining": on})),
        };
        trace::note(format!("{}: {what}: {on}", self.machines[at].name));
        self.cloud.operate(command).await;
    }

    /// Both take sandboxes again, or one waits for room for ever.
    async fn unmark_runners(&self) {
        for runner in self.machines.iter().filter_map(Machine::runner_id) {
            for command in [
                json!({"command": "set-runner-scheduling", "runnerId": runner, "unschedulable": false}),
                json!({"command": "set-runner-draining", "runnerId": runner, "draining": false}),
            ] {
                self.cloud.operate(command).await;
            }
        }
    }

    /// Its instance is gone, an operator says so, or removes it; one that was only silent may come back.
    async fn lose_machine(&mut self, at: usize) {
        let Some(runner) = self.machines[at].runner_id().filter(|_| self.lost.is_none()) else { return };
        self.machines[at].kill().await;
        let removed = chance::permille(500);
        trace::note(format!("{} is declared dead, removed: {removed}", self.machines[at].name));
        let owned: Vec<_> = {
            let heads = invariants::heads(&self.aws.table.records());
            heads.into_iter().filter(|head| head.runner.map(|id| id.0) == Some(runner)).collect()
        };
        let command = if removed { "remove-runner" } else { "declare-runner-dead" };
        let said = self.cloud.operate(json!({"command": command, "runnerId": runner, "force": true})).await;
        // What was not captured is lost with the machine, and only that.
        for head in owned {
            let kept = words::captured(&head, &self.aws).unwrap_or_default();
            if let Some(words) = self.user.acknowledged.get_mut(&head.id.0) {
                words.retain(|word| kept.contains(word));
            }
        }
        if said.is_some() && chance::permille(500) {
            self.lost = Some(at);
            self.machines[at].engine = FakeEngine::within_process();
        }
    }

    async fn look(&mut self) {
        for machine in &mut self.machines {
            if let Some(panic) = machine.is_broken() {
                trace::broken(format!("{}: a part of its agent broke: {panic}", machine.name));
            }
        }
        words::check(&self.user.acknowledged, &self.aws, &self.machines).await;
        invariants::graves::check(&self.aws, &self.machines);
        invariants::captures::all(&self.aws.table.records(), &self.aws.bucket);
    }

    /// All is calm: everything comes to rest, then everything is deleted, and nothing is left.
    async fn end_well(&mut self) {
        chance::calm();
        trace::note("calm");
        let (cloud, aws) = (Arc::clone(&self.cloud), self.aws.clone());
        for (at, machine) in self.machines.iter_mut().enumerate() {
            machine.set_cut(false);
            if self.lost != Some(at) && !machine.lives() {
                machine.start(&cloud, &aws).await;
            }
        }
        self.unmark_runners().await;
        self.until_none("stuck", |world| rest::restless(&world.aws)).await;
        self.look().await;
        self.until_none("out of place", |world| rest::misplaced(&world.aws, &world.machines)).await;
        if trace::verdict().is_some() {
            return;
        }
        for _ in 0..6 {
            if self.user.delete_all().await == 0 {
                break;
            }
            tokio::time::sleep(MINUTE).await;
        }
        self.until_none("left over", |world| rest::leftovers(&world.aws, &world.machines)).await;
    }

    /// Waits, bounded, until there is nothing to complain of.
    async fn until_none(&mut self, what: &str, complaints: impl Fn(&Self) -> Vec<String>) {
        for _ in 0..CALM_MINUTES {
            if complaints(self).is_empty() {
                return;
            }
            tokio::time::sleep(MINUTE).await;
        }
        for complaint in complaints(self) {
            trace::broken(format!("{what}: {complaint}"));
        }
    }
}
