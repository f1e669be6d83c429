//! The edge against a real daemon's place-holder, a real agents function's place-holder, and real registries.

mod agents;
mod gate;
mod passing;
mod relay;
mod revocation;
mod scene;
mod streams;
mod upstream;
mod websocket;
