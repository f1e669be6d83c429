//! A small world of one container, what happens in it, and an owner that does what its mind says.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use super::super::*;
use crate::{network::slots::Slot, sandboxes::environment::tests::work};

#[derive(Debug, Clone)]
pub enum Event {
    Letter(Letter),
    /// Does what is to be done next; `meanwhile` is read before it ends.
    Act {
        fails: bool,
        meanwhile: Option<Letter>,
    },
    ContainerDies,
    PauseDies,
    NewServer,
}

#[derive(Debug, Clone)]
pub enum Letter {
    Work { epoch: u64, generation: u64, wish: Wish, env: u8 },
    Silent,
    OverDisk { epoch: u64 },
    Remove { epoch: u64 },
    StopAndKeep { epoch: u64 },
    Look,
}

/// What the engine has, and what was destroyed.
pub struct World {
    id: Uuid,
    pub mind: Mind,
    pub now: Instant,
    pub container: Option<Placed>,
    made: u64,
    lost: BTreeSet<u64>,
    buried: Option<u64>,
    pub settled: Vec<(Key, Observed)>,
    /// Wishes for which a start was made to fail.
    pub failed: BTreeSet<Key>,
    /// How often something that ran was made to end, or to be silent.
    pub ended: usize,
    /// What each wish was, the first time: copies say the same.
    wished: BTreeMap<Key, (Wish, u8)>,
}

#[derive(Clone)]
pub struct Placed {
    body: Body,
    pub runs: bool,
    pub frozen: bool,
    network_runs: bool,
}

/// What an action was begun for.
struct Begun {
    work: Option<Work>,
    env: Option<String>,
}

impl Begun {
    fn key(&self) -> Option<Key> {
        self.work.as_ref().map(Key::of)
    }
}

const DAEMON: &str = "127.0.0.1:2280";

fn daemon() -> SocketAddr {
    DAEMON.parse().unwrap()
}

impl World {
    pub fn new() -> Self {
        Self {
            id: Uuid::new_v4(),
            mind: Mind::new("test", None),
            now: Instant::now(),
            container: None,
            made: 0,
            lost: BTreeSet::new(),
            buried: None,
            settled: Vec::new(),
            failed: BTreeSet::new(),
            ended: 0,
            wished: BTreeMap::new(),
        }
    }

    pub fn happen(&mut self, event: &Event) {
        match event {
            Event::Letter(letter) => {
                // Before the first look an owner reads nothing.
                while self.mind.doubt {
                    self.act(false);
                }
                self.read(letter);
            }
            Event::Act { fails, meanwhile } => _ = self.act_while(*fails, meanwhile.as_ref()),
            Event::ContainerDies => {
                self.ended += 1;
                if let Some(container) = &mut self.container {
                    (container.runs, container.frozen) = (false, false);
                }
                self.mind.note_doubt();
            }
            Event::PauseDies => {
                self.ended += 1;
                if let Some(container) = &mut self.container {
                    container.network_runs = false;
                }
                self.mind.note_doubt();
            }
            Event::NewServer => self.mind.note_ready(),
        }
    }

    fn read(&mut self, letter: &Letter) {
        match *letter {
            Letter::Work { epoch, generation, wish, env } => self.receive(epoch, generation, wish, env),
            Letter::Silent => self.be_silent(),
            Letter::OverDisk { epoch } => {
                self.failed.extend(self.mind.target().map(Key::of));
                self.mind.note_over_disk(epoch, "disk limit".to_owned());
            }
            Letter::Remove { epoch } => self.mind.remove(epoch),
            Letter::StopAndKeep { epoch } => self.mind.keep_stopped(epoch),
            Letter::Look => self.mind.note_doubt(),
        }
    }

    pub fn wish(&mut self, generation: u64, wish: Wish, env: u8) {
        self.happen(&Event::Letter(Letter::Work { epoch: 1, generation, wish, env }));
    }

    fn receive(&mut self, epoch: u64, generation: u64, wish: Wish, env: u8) {
        let (wish, env) = *self.wished.entry(Key { epoch, generation }).or_insert((wish, env));
        let before = self.mind.target().map(Key::of);
        let mut work = work(self.id, epoch, generation, wish);
        // Of some wishes to archive the capture is accepted already.
        work.archived = (wish == Wish::Archived && env > 0).then(Uuid::nil);
        work.capture = (env == 2 && work.archived.is_none()).then(|| Uuid::from_u128(generation.into()));
        let reception = self.mind.receive(work);
        if reception == Reception::Accepted {
            self.mind.note_wanted_env(format!("env {env}"));
        }
        let after = self.mind.target().map(Key::of);
        assert!(after >= before, "the target went back from {before:?} to {after:?}");
        if matches!(reception, Reception::Ignored | Reception::Refused) {
            assert_eq!(after, before);
        }
    }

    fn be_silent(&mut self) {
        self.ended += 1;
        self.mind.note_silent(self.now);
    }

    fn act(&mut self, fails: bool) -> bool {
        self.act_while(fails, None)
    }

    /// Does what the mind says, for the wish of that moment, and reads a letter meanwhile; false when it rests.
    pub fn act_while(&mut self, fails: bool, meanwhile: Option<&Letter>) -> bool {
        self.now += Duration::from_secs(1);
        let next = self.mind.next(Duration::ZERO);
        match &next {
            Next::Rest => return false,
            Next::Settle(observed) => {
                self.settle(observed.clone());
                return true;
            }
            Next::Destroy => {
                let proof = self.mind.proven();
                let container = self.container.as_ref();
                assert!(container.is_none_or(|it| Some(it.body.epoch) <= proof), "destroyed without proof");
                self.bury(proof.unwrap());
            }
            Next::SetAside => {
                let container = self.container.as_ref().expect("setting aside what is not there");
                assert!(self.mind.target().is_some_and(|work| work.epoch > container.body.epoch));
            }
            _ => (),
        }
        let begun = Begun { work: self.mind.target().cloned(), env: self.mind.wanted_env.clone() };
        let is_first_look = next == Next::Look && begun.work.is_none();
        if let Some(letter) = meanwhile.filter(|_| !is_first_look) {
            self.read(letter);
        }
        let cancelled = self.mind.supersedes(&next, begun.key());
        self.end(next, &begun, fails, cancelled);
        true
    }

    fn settle(&mut self, observed: Observed) {
        self.mind.note_settled(observed.clone());
        if observed == Observed::Destroyed {
            assert!(self.container.is_none(), "told destroyed while there is a container");
            self.bury(self.mind.proven().unwrap());
        }
        self.settled.push((Key::of(self.mind.target().unwrap()), observed));
    }

    /// An action ends.
    #[expect(clippy::too_many_lines, reason = "one arm per action")]
    fn end(&mut self, action: Next, begun: &Begun, fails: bool, cancelled: bool) {
        match action {
            Next::Rest | Next::Settle(_) => unreachable!("they take no time"),
            Next::Look if fails => (),
            Next::Look => self.look(),
            // A cancelled creation is undone, whatever step it was at.
            Next::Create if cancelled => self.mind.note_doubt(),
            Next::Create | Next::Start | Next::Recover if fails => self.fail_start(begun),
            Next::Create => self.create(begun),
            Next::Start | Next::Recover => {
                let container = self.container.as_mut().expect("starting what is not there");
                (container.runs, container.frozen, container.network_runs) = (true, false, true);
                self.mind.note_started(daemon());
            }
            Next::AwaitReady if cancelled => (),
            Next::AwaitReady | Next::ApplyEnv if fails => self.be_silent(),
            Next::AwaitReady => self.mind.note_ready(),
            Next::ApplyEnv => self.mind.note_env(begun.env.clone().unwrap()),
            Next::Stop { .. }
            | Next::Destroy
            | Next::SetAside
            | Next::Pause
            | Next::Unpause
            | Next::Resize
            | Next::Release
            | Next::RemoveLost(_)
                if fails =>
            {
                self.mind.note_doubt();
            }
            Next::Pause | Next::Unpause => {
                let freeze = action == Next::Pause;
                let container = self.container.as_mut().expect("freezing what is not there");
                assert!(container.runs, "freezing what does not run");
                container.frozen = freeze;
                if freeze { self.mind.note_paused(begun.key()) } else { self.mind.note_unpaused() }
            }
            Next::Resize => self.mind.note_resized(size_of(begun.work.as_ref().unwrap())),
            Next::Capture(_) if cancelled => (),
            Next::Capture(id) => self.mind.note_captured(Captured::Failed { id, reason: String::new() }),
            Next::Release => {
                let container = self.container.take().expect("letting go of nothing");
                let work = begun.work.as_ref().unwrap();
                assert!(work.archived.is_some() && work.epoch == container.body.epoch, "let go without proof");
                assert!(!container.runs, "let go while it runs");
                self.mind.note_gone();
            }
            Next::Stop { .. } => {
                if let Some(container) = &mut self.container {
                    (container.runs, container.frozen) = (false, false);
                }
                self.mind.note_stopped(begun.key());
            }
            Next::Destroy => {
                self.container = None;
                self.mind.note_gone();
            }
            Next::SetAside => {
                self.lost.extend(self.container.take().map(|container| container.body.epoch));
                self.mind.note_gone();
            }
            Next::RemoveLost(epoch) => {
                self.lost.remove(&epoch);
                self.mind.note_lost_removed(epoch);
            }
        }
    }

    pub fn look(&mut self) {
        let seen = self.container.as_ref().map(|it| Seen {
            body: it.body.clone(),
            address: it.runs.then(daemon),
            frozen: it.frozen,
            network_runs: it.network_runs,
            last_words: "it ended".to_owned(),
        });
        self.mind.note_seen(seen, self.now);
    }

    fn create(&mut self, begun: &Begun) {
        assert!(self.container.is_none(), "a second container");
        let work = begun.work.as_ref().unwrap();
        assert!(Some(work.epoch) > self.buried, "a destroyed sandbox was revived");
        self.made += 1;
        let body = Body {
            container: format!("container {}", self.made),
            slot: Slot { pause: "pause".to_owned(), address: [10, 0, 0, 2].into() },
            epoch: work.epoch,
            size: size_of(work),
            env_digest: begun.env.clone().unwrap_or_default(),
        };
        let runs = work.wish == Wish::Started;
        self.container = Some(Placed { body: body.clone(), runs, frozen: false, network_runs: true });
        self.mind.note_made(body, runs.then(daemon));
    }

    fn fail_start(&mut self, begun: &Begun) {
        self.failed.extend(begun.key());
        self.mind.note_doubt();
        let reason = "no".to_owned();
        self.mind.note_failed(begun.key(), Observed::Failed { reason, recoverable: true });
    }

    fn bury(&mut self, epoch: u64) {
        self.buried = self.buried.max(Some(epoch));
        self.mind.note_buried(epoch);
    }

    pub fn calm_down(&mut self) {
        for _ in 0..100 {
            if !self.act(false) {
                return;
            }
        }
        panic!("never rests; the mind says {:?} of {:?}", self.mind.next(Duration::ZERO), self.mind);
    }
}
