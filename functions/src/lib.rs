//! The control plane: four Lambda functions over one table, and queues towards the runners.
//!
//! * [`router`] the public API's URLs; [`routes`] one operation per file; [`openapi`] their description
//! * [`gateway`] the path as the caller meant it
//! * [`caller`] who calls and what he may; [`rate_limit`] how often; [`sdk_version`] with what
//! * [`validate`] what callers send, checked; [`error`] status codes and the one shape of refusals
//! * [`agents`] the runners' and edges' URLs; [`schedule`] ticks and operators' commands; [`stream`] history
//! * [`config`] the environment, read once
//! * [`app`] clients and keys, built once per process
//! * [`actions`] what can be asked for, one file per verb and noun
//! * [`store`] the one table; no other module calls DynamoDB
//! * [`objects`] the one bucket; no other module calls S3
//! * [`queue`] the runners' queues; no other module calls SQS
//! * [`seal`] secrets at rest and on their way
//! * [`recent`] what was read a moment ago; [`logging`]
//!
//! The programs are in `bin/`. Arrows: bin → router → routes → actions → store, objects, queue.
//! Start reading at [`actions::create_sandbox`], then [`store::sandboxes`].

pub mod actions;
pub mod agents;
pub mod app;
pub mod caller;
pub mod config;
pub mod error;
pub mod gateway;
pub mod logging;
pub mod objects;
pub mod openapi;
pub mod queue;
pub mod rate_limit;
pub mod recent;
pub mod router;
pub mod routes;
pub mod schedule;
pub mod sdk_version;
pub mod seal;
pub mod store;
pub mod stream;
pub mod validate;
