//! The public REST API: bodies as the official SDKs send and parse them.
