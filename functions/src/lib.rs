//! The control plane: four Lambda functions over one table, and queues towards the runners.
//!
//! * [`config`] the environment, read once
//! * [`app`] clients and keys, built once per process
//! * [`actions`] what can be asked for, one file per verb and noun
//! * [`store`] the one table; no other module calls DynamoDB
//! * [`queue`] the runners' queues; no other module calls SQS
//! * [`seal`] secrets at rest and on their way
//! * [`recent`] what was read a moment ago
//!
//! The programs are in `bin/`. Arrows: bin → router → routes → actions → store, queue.
//! Start reading at [`actions::create_sandbox`], then [`store::sandboxes`].

pub mod actions;
pub mod app;
pub mod config;
pub mod queue;
pub mod recent;
pub mod seal;
pub mod store;
