//! What hostile code in a sandbox can reach and do. Every address that must be unreachable really has a server, which
//! an ordinary container of the same image does reach: the test can fail.

mod powers;
mod reach;
mod world;
