//! The daemon's HTTP API: bodies as the official SDKs send and parse them.
