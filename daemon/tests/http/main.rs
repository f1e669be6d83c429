//! The real router on a real socket, with the machine's own shell, python3, node and git.
//! One module per URL; [`sandbox`] is the daemon under test.

mod errors;
mod files_bulk;
mod files_change;
mod files_look;
mod files_single;
mod git_hostile;
mod git_local;
mod git_remote;
mod git_server;
mod info;
mod interpreter;
mod lsp;
mod ports;
mod process;
mod sandbox;
mod sessions;
mod terminals;
