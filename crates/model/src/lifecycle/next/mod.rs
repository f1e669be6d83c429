//! The dispatch from an event to its transition function.

mod sightings;
mod wishes;

use super::{Event, Refusal, State};

/// Where `event` leads from `state`, or why it may not happen.
pub fn next(state: State, event: Event) -> Result<State, Refusal> {
    match event {
        Event::Start => wishes::start(state),
        Event::Stop => wishes::stop(state),
        Event::Pause => wishes::pause(state),
        Event::Archive => wishes::archive(state),
        Event::Resize => wishes::resize(state),
        Event::Snapshot => wishes::snapshot(state),
        Event::Fork => wishes::fork(state),
        Event::Recover => wishes::recover(state),
        Event::Delete => wishes::delete(state),
        Event::Claim => wishes::claim(state),
        Event::SawPulling => sightings::saw_pulling(state),
        Event::SawBuilding => sightings::saw_building(state),
        Event::SawCreating => sightings::saw_creating(state),
        Event::SawStarted => sightings::saw_started(state),
        Event::SawStopped => sightings::saw_stopped(state),
        Event::SawIdleStopped => sightings::saw_idle_stopped(state),
        Event::SawPaused => sightings::saw_paused(state),
        Event::SawIdlePaused => sightings::saw_idle_paused(state),
        Event::SawArchived => sightings::saw_archived(state),
        Event::SawDestroyed => sightings::saw_destroyed(state),
        Event::SawBuildFailed => sightings::saw_build_failed(state),
        Event::SawFailed => sightings::saw_failed(state),
        Event::SawRefused => sightings::saw_refused(state),
        Event::GaveUp => sightings::gave_up(state),
        Event::RunnerDied => sightings::runner_died(state),
    }
}
