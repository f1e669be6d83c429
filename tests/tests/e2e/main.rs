//! End-to-end tests against a running stack; `cargo xtask test` brings it up. They drive the same doors as users do
//! and look at what really is on the machine: processes, containers, the table.
//!
//! | module | acceptance of issue 2 |
//! |---|---|
//! | [`quickstart`] | 1: the README's first sandbox |
//! | [`sdk_python`], [`sdk_typescript`] | 2: official SDKs, three versions and npm |
//! | [`kills`] | 3: kill -9 of each part, one test each |
//! | [`faults`] | 4: doubled, late messages; throttled writes, lost answers |
//! | [`refusals`] | 5: wrong keys, others' sandboxes, malformed requests |
//! | [`isolation`] | 5: what a sandbox can reach and do |
//! | [`lives`] | pause, resize, archive, fork, snapshot, draining and the timers, where they really happen |
//! | [`relay`] | requests that land on the wrong runner |
//! | [`zz_nothing_left`] | runs last: nothing is left behind |
//!
//! A test takes its turn first ([`paddock_tests::turn`]): `shared` beside others, or `alone`.

mod faults;
mod isolation;
mod kills;
mod lives;
mod quickstart;
mod refusals;
mod relay;
mod sdk_python;
mod sdk_typescript;
mod zz_nothing_left;
