//! The actions over real embedded engines: DynamoDB and SQS behind the real clients, a clock that tests move, runners
//! that behave.
//!
//! * `scene` engines, an organization, clock; `runner` a runner with its own little state
//! * `lives` create, stop, start, delete; `claims` warm pools; `reports` doubled, late, foreign
//! * `sweeps` resend, attempts, brake, timers, dead runners; `inventories` what to keep and remove
//! * `runners` what operators make of them: unschedulable, draining, removed
//! * `histories` what the table's stream leaves behind
//! * `agents_http` the agents' URLs
//! * `access` keys, grants, revocations; `faults` random lives under faults: conservation, one owner, no resurrection

mod access;
mod agents_http;
mod captures;
mod claims;
mod deletions;
mod faults;
mod histories;
mod inventories;
mod lives;
mod reports;
mod runner;
mod runners;
mod scene;
mod sweeps;
