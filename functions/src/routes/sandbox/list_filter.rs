//! Which sandboxes a list shows.

use std::collections::BTreeMap;

use paddock_model::lifecycle::{Desired, State};
use paddock_model::sandbox::{Detail, Resources};
use paddock_model::time::Timestamp;

use crate::validate::query::Query;

/// Both ends included; an absent end is open.
#[derive(Debug, Default, Clone, Copy)]
struct Range<T>(Option<T>, Option<T>);

impl<T: PartialOrd> Range<T> {
    fn holds(&self, value: T) -> bool {
        self.0.as_ref().is_none_or(|least| value >= *least) && self.1.as_ref().is_none_or(|most| value <= *most)
    }

    fn is_open(&self) -> bool {
        self.0.is_none() && self.1.is_none()
    }
}

/// What the query asks for; everything absent lets everything pass.
#[derive(Debug, Default)]
pub struct ListFilter {
    id: Option<String>,
    name: Option<String>,
    labels: BTreeMap<String, String>,
    include_errored_deleted: bool,
    states: Vec<State>,
    snapshots: Vec<String>,
    regions: Vec<String>,
    classes: Vec<String>,
    cpu: Range<u32>,
    memory_gib: Range<u32>,
    disk_gib: Range<u32>,
    gpu: Range<u32>,
    is_public: Option<bool>,
    is_recoverable: Option<bool>,
    created_at: Range<Timestamp>,
    last_activity: Range<Timestamp>,
    auto_destroy_at: Range<Timestamp>,
}

impl ListFilter {
    /// Reads the filter's part of a query. `regions` is the key of the old list, `regionIds` that of the new one.
    pub fn read(query: &mut Query) -> Self {
        let prefix = |text: Option<&str>| text.map(str::to_lowercase);
        Self {
            id: prefix(query.text("id")),
            name: prefix(query.text("name")),
            labels: query.labels(),
            include_errored_deleted: query.boolean("includeErroredDeleted").unwrap_or(false),
            states: query.words("states", listable_state),
            snapshots: query.texts("snapshots"),
            regions: [query.texts("regionIds"), query.texts("regions")].concat(),
            classes: query.words("sandboxClasses", class),
            cpu: numbers(query, "minCpu", "maxCpu", 1),
            memory_gib: numbers(query, "minMemoryGiB", "maxMemoryGiB", 1),
            disk_gib: numbers(query, "minDiskGiB", "maxDiskGiB", 1),
            gpu: numbers(query, "minGpu", "maxGpu", 0),
            is_public: query.boolean("isPublic"),
            is_recoverable: query.boolean("isRecoverable"),
            created_at: instants(query, "createdAtAfter", "createdAtBefore"),
            last_activity: instants(query, "lastEventAfter", "lastEventBefore"),
            auto_destroy_at: instants(query, "autoDestroyAtAfter", "autoDestroyAtBefore"),
        }
    }

    /// This sandbox passes.
    pub fn matches(&self, detail: &Detail) -> bool {
        let (head, spec) = (&detail.head, &detail.spec);
        let Resources { cpu, memory_gib, disk_gib } = head.resources;
        let recoverable = head.failure.as_ref().is_some_and(|it| it.recoverable);
        self.shows_state(head.state, head.desired)
            && starts_with(&head.id.to_string(), self.id.as_deref())
            && starts_with(&head.name, self.name.as_deref())
            && self.labels.iter().all(|(key, value)| spec.labels.get(key) == Some(value))
            && is_one_of(&spec.snapshot_name, &self.snapshots)
            && is_one_of(&head.region, &self.regions)
            && is_one_of("container", &self.classes)
            && self.cpu.holds(cpu)
            && self.memory_gib.holds(memory_gib)
            && self.disk_gib.holds(disk_gib)
            && self.gpu.holds(0)
            && self.is_public.is_none_or(|wanted| wanted == spec.public)
            && self.is_recoverable.is_none_or(|wanted| wanted == recoverable)
            && self.created_at.holds(head.created_at)
            && self.last_activity.holds(head.last_activity)
            && head.timers.destroy_at.map_or(self.auto_destroy_at.is_open(), |end| self.auto_destroy_at.holds(end))
    }

    /// Destroyed ones never; errored ones that are being deleted only on request.
    fn shows_state(&self, state: State, desired: Desired) -> bool {
        let errored_deleted = state.is_failed() && desired == Desired::Destroyed;
        state != State::Destroyed
            && (self.include_errored_deleted || !errored_deleted)
            && (self.states.is_empty() || self.states.contains(&state))
    }
}

fn listable_state(word: &str) -> Option<State> {
    word.parse().ok().filter(|state| *state != State::Destroyed)
}

fn class(word: &str) -> Option<String> {
    ["container", "linux-vm", "windows", "android"].contains(&word).then(|| word.to_owned())
}

fn numbers(query: &mut Query, least: &str, most: &str, bottom: u32) -> Range<u32> {
    Range(query.integer(least, bottom..=u32::MAX), query.integer(most, bottom..=u32::MAX))
}

fn instants(query: &mut Query, after: &str, before: &str) -> Range<Timestamp> {
    Range(query.instant(after), query.instant(before))
}

fn starts_with(text: &str, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| text.to_lowercase().starts_with(prefix))
}

fn is_one_of(text: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| it == text)
}
