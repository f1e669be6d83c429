//! Harness of the end-to-end tests, of chaos and of the benchmark. They need a running stack: `cargo xtask test` and
//! `cargo xtask chaos` bring one up and say where its `env` file is (`PADDOCK_E2E_ENV`); `cargo xtask bench` takes the one of
//! `cargo xtask up`.
//!
//! | module | what |
//! |---|---|
//! | [`stack`] | where the stack under test is |
//! | [`turn`] | tests that break things run alone, the others side by side |
//! | [`api`], [`toolbox`] | typed-enough clients of the two public doors |
//! | [`raw`] | requests that no well-behaved client would send |
//! | [`operator`] | a second organization |
//! | [`converge`] | waiting for a state, with a bound |
//! | [`docker`], [`processes`] | what really runs on the machine |
//! | [`kill`] | the parts of the stack, killed |
//! | [`tree`] | files of every kind in a sandbox, to be found again as they were |
//! | [`leftovers`] | containers and mounts that the table does not explain |
//! | [`aws`] | calls of the AWS endpoint |
//! | [`table`] | what the table really holds |
//! | [`objects`] | what really is in the bucket |
//! | [`quota`] | conservation of quota, computed from the table |
//! | [`faults`] | the fault switches and counters of the embedded AWS endpoint |
//! | [`sdk`] | official SDKs from PyPI and npm, installed beside the build output |
//! | [`measure`] | medians and tables of the benchmark |
//!
//! Start at `tests/e2e/main.rs` (the tests), `src/bin/chaos/main.rs` or `src/bin/bench/main.rs`.

pub mod api;
pub mod aws;
pub mod converge;
pub mod docker;
pub mod faults;
pub mod kill;
pub mod leftovers;
pub mod measure;
pub mod objects;
pub mod operator;
pub mod processes;
pub mod quota;
pub mod raw;
pub mod sdk;
pub mod stack;
pub mod table;
pub mod toolbox;
pub mod tree;
pub mod turn;
