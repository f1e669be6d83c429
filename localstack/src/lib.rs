//! The AWS side of Paddock on a laptop: an AWS endpoint with embedded engines, and the bridge that
//! runs the real functions behind an HTTP API. What exists is read from `infra/template.yaml`.
//!
//! Start at [`stack`].
//!
//! * [`stack`] - brings everything up in one process
//! * [`template`] - what the SAM template declares, as plain types
//! * [`provision`] - makes tables, queues and buckets
//! * [`engines`] - DynamoDB, SQS, S3; each third-party engine in one file
//! * [`endpoint`] - the AWS port: routing, faults, counters, `Invoke`
//! * [`lambda`] - functions as child processes over the Lambda Runtime API
//! * [`bridge`] - HTTP API and function URLs in front of them
//! * [`sources`] - schedules, streams and queues that invoke functions
//! * [`faults`] - throttles, conflicts, lost answers, doubled messages
//! * [`stats`] - counters
//! * [`http_server`] - the accept loop

pub mod bridge;
pub mod endpoint;
pub mod engines;
pub mod faults;
pub mod http_server;
pub mod lambda;
pub mod provision;
pub mod sources;
pub mod stack;
pub mod stats;
pub mod template;
