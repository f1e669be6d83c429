//! The public API over real embedded engines, without processes in between: the router in, DynamoDB and SQS out.
//!
//! * [`fixture`] engines, organizations with their keys, a runner that behaves
//! * [`refusals`] every operation × no key, wrong key, expired key, missing permission, other organization
//! * [`malformed`] bodies, queries and paths that are wrong
//! * [`sandbox`], [`list`], [`api_key`], [`runner`], [`others`] what the operations answer
//! * [`rate_limit`] limits and their headers
//! * [`openapi`] the committed description is the generated one, and describes the routes
//! * [`golden`] bodies for the official clients' models to parse

mod api_key;
mod fixture;
mod golden;
mod list;
mod malformed;
mod openapi;
mod others;
mod rate_limit;
mod refusals;
mod runner;
mod sandbox;
