//! A runner with its own little state: it serves the newest (epoch, generation) it knows and ignores older ones.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use paddock_functions::actions::{apply_report, authenticate_agent, heartbeat, register_agent};
use paddock_model::{
    id::{RunnerId, SandboxId},
    runner::Runner,
};
use paddock_wire::{
    agents::{
        Capacity, Heartbeat, Register, RegisterProof, Registered, Role, Verdict, inventory_lines, register_proof_text,
    },
    work::{Captured, Facts, Manifest, Message, Observed, Report, Wish, Work},
};

use uuid::Uuid;

use crate::scene::{IMAGE, JOIN_TOKEN, Scene};

/// What it holds of a sandbox.
#[derive(Debug, Clone)]
pub struct Held {
    pub epoch: u64,
    pub generation: u64,
    pub seq: u64,
    pub gone: bool,
    pub last: Report,
}

pub struct FakeRunner {
    pub registered: Registered,
    pub held: BTreeMap<SandboxId, Held>,
    /// Containers made in its life: one per sandbox and epoch, or something is wrong.
    pub made: BTreeMap<(SandboxId, u64), u32>,
    pub full: bool,
    pub captures_fail: bool,
    /// All it ever said.
    pub told: Vec<Report>,
}

fn ticket_key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("32 bytes are a seed")
}

pub fn registration() -> Register {
    Register {
        runner_id: None,
        name: "runner".into(),
        region: "local".into(),
        role: Role::Both,
        version: "0".into(),
        relay_url: "http://127.0.0.1:4100".into(),
        ticket_key: STANDARD.encode(ticket_key().public_key()),
        capacity: Capacity { cpu: 64, memory_gib: 64, disk_gib: 500, sandboxes: 100 },
        capabilities: vec![],
        images: vec![IMAGE.into()],
        proof: None,
    }
}

/// The registration of an agent that comes back under its id.
pub fn comeback(scene: &Scene, id: Uuid) -> Register {
    let at = u64::try_from(scene.app.now().0 / 1000).expect("after 1970");
    let signature = STANDARD.encode(ticket_key().sign(register_proof_text(id, at).as_bytes()));
    Register { runner_id: Some(id), proof: Some(RegisterProof { at, signature }), ..registration() }
}

impl FakeRunner {
    pub async fn join(scene: &Scene) -> Self {
        let registered = register_agent::run(&scene.app, JOIN_TOKEN, registration()).await.expect("joins");
        Self {
            registered,
            held: BTreeMap::new(),
            made: BTreeMap::new(),
            full: false,
            captures_fail: false,
            told: Vec::new(),
        }
    }

    pub fn id(&self) -> RunnerId {
        RunnerId(self.registered.runner_id)
    }

    pub async fn agent(&self, scene: &Scene) -> Runner {
        authenticate_agent::run(&scene.app, &self.registered.token).await.expect("its token is good")
    }

    /// All messages that are there now.
    pub async fn receive(&self, scene: &Scene) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let receive = scene.sqs.receive_message().queue_url(&self.registered.queue_url);
            let got = receive.max_number_of_messages(10).wait_time_seconds(0).send().await.expect("receives");
            let got = got.messages.unwrap_or_default();
            if got.is_empty() {
                return messages;
            }
            for message in got {
                messages.push(serde_json::from_str(message.body().expect("a body")).expect("a message"));
                let delete = scene.sqs.delete_message().queue_url(&self.registered.queue_url);
                delete.set_receipt_handle(message.receipt_handle).send().await.expect("deletes");
            }
        }
    }

    pub async fn works(&self, scene: &Scene) -> Vec<Work> {
        let work = |message| match message {
            Message::Work(work) => Some(*work),
            Message::Touch { .. } => None,
        };
        self.receive(scene).await.into_iter().filter_map(work).collect()
    }

    /// Serves all that is in its queue, and reports.
    pub async fn work_off(&mut self, scene: &Scene) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for work in self.works(scene).await {
            self.drive(scene, work, &mut verdicts).await;
        }
        verdicts
    }

    /// Serves one work, and newer ones that come back with the verdict.
    pub async fn drive(&mut self, scene: &Scene, work: Work, verdicts: &mut Vec<Verdict>) {
        let mut next = Some(work);
        while let Some(work) = next.take() {
            let Some(report) = self.serve(&work) else { return };
            self.told.push(report.clone());
            let verdict = self.tell(scene, &report).await;
            if let Verdict::AppliedWithWork { work } = &verdict {
                next = Some((**work).clone());
            }
            verdicts.push(verdict);
        }
    }

    /// Its state after the work, and what it says of it; none when the work is old. A work seen again is answered again.
    pub fn serve(&mut self, work: &Work) -> Option<Report> {
        let id = SandboxId(work.sandbox_id);
        let known = self.held.get(&id);
        if known.is_some_and(|held| (held.epoch, held.generation) > (work.epoch, work.generation)) {
            return None;
        }
        let lets_go = work.archived.is_some() && known.is_some_and(|held| !held.gone);
        if known.is_some_and(|held| (held.epoch, held.generation) == (work.epoch, work.generation)) && !lets_go {
            let held = self.held.get_mut(&id)?;
            held.seq += 1;
            held.last.seq = held.seq;
            return Some(held.last.clone());
        }
        let seq = known.filter(|held| held.epoch == work.epoch).map_or(work.seq, |held| held.seq) + 1;
        let had = known.is_some_and(|held| held.epoch == work.epoch && !held.gone);
        let (observed, gone) = match work.wish {
            Wish::Started if self.full && !had => (Observed::Refused { reason: "full".into() }, true),
            Wish::Started => (Observed::Started, false),
            Wish::Archived if work.archived.is_some() => (Observed::Archived, true),
            Wish::Stopped { .. } | Wish::Archived => (Observed::Stopped, false),
            Wish::Paused => (Observed::Paused, false),
            Wish::Destroyed => (Observed::Destroyed, true),
        };
        if observed == Observed::Started && !had {
            *self.made.entry((id, work.epoch)).or_default() += 1;
        }
        let mut report = report(work, seq, observed);
        report.facts.captured = work.capture.map(|id| self.capture(id));
        let held = Held { epoch: work.epoch, generation: work.generation, seq, gone, last: report.clone() };
        self.held.insert(id, held);
        Some(report)
    }

    fn capture(&self, id: Uuid) -> Captured {
        if self.captures_fail {
            return Captured::Failed { id, reason: "no way to S3".into() };
        }
        Captured::Done { manifest: manifest(id) }
    }

    pub async fn tell(&self, scene: &Scene, report: &Report) -> Verdict {
        apply_report::run(&scene.app, self.id(), report).await
    }

    pub fn digest(&self) -> String {
        let held = self.held.iter().filter(|(_, held)| !held.gone);
        paddock_functions::seal::sha256_hex(&inventory_lines(held.map(|(id, held)| (id.0, held.epoch))))
    }

    pub async fn beat(&self, scene: &Scene) -> paddock_wire::agents::HeartbeatAnswer {
        let running = self.held.values().filter(|held| !held.gone).count();
        let running = u32::try_from(running).expect("few");
        let beat = Heartbeat {
            allocated: Capacity { cpu: running, memory_gib: 2 * running, disk_gib: 3 * running, sandboxes: running },
            inventory_digest: self.digest(),
            images: vec![IMAGE.into()],
        };
        heartbeat::run(&scene.app, &self.agent(scene).await, beat).await.expect("heartbeat")
    }
}

pub fn manifest(id: Uuid) -> Manifest {
    Manifest { id, image: "sha256:00".into(), sha256: "00".into(), size: 1, unpacked: 1, entries: 1 }
}

pub fn report(work: &Work, seq: u64, observed: Observed) -> Report {
    Report {
        sandbox_id: work.sandbox_id,
        epoch: work.epoch,
        generation: work.generation,
        seq,
        observed,
        facts: Facts::default(),
    }
}
