//! HTTP to Lambda: what API Gateway, function URLs and CloudFront do on AWS.
//!
//! * [`http_api`] - the API Gateway HTTP API of the template, on a port of its own
//! * [`function_url`] - function URLs, by host name on the AWS endpoint
//! * [`routes`] - which route of the template takes a request
//! * [`payload`] - payload format 2.0, both ways
//! * [`edge`] - paths that CloudFront would send to the edge instead

mod edge;
pub mod function_url;
mod http_api;
mod payload;
mod routes;

pub use http_api::HttpApi;
