//! What the user may choose about a stack.

use std::path::PathBuf;

use clap::Args;

use crate::image::Source;
use crate::paths::{DEFAULT_STATE, StateDir};

/// More would need more ports in a row than anybody keeps free.
pub const MOST_RUNNERS: u16 = 8;

#[derive(Debug, Clone, Args)]
pub struct StackOptions {
    /// Runner agents; the second edge listens on the edge port + 1, and so on
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_RUNNERS)))]
    pub runners: u16,
    /// Started sandboxes that the warm pool of the default snapshot keeps
    #[arg(long, default_value_t = 2)]
    pub pool: u32,
    /// HTTP API (and the agents' calls)
    #[arg(long, default_value_t = 3000)]
    pub api_port: u16,
    /// Toolbox proxy
    #[arg(long, default_value_t = 4000)]
    pub edge_port: u16,
    /// Agents among themselves
    #[arg(long, default_value_t = 4100)]
    pub relay_port: u16,
    /// SSH gateway; written to .paddock/env, not served yet
    #[arg(long, default_value_t = 2222)]
    pub ssh_port: u16,
    /// AWS endpoint: DynamoDB, SQS, S3, Lambda
    #[arg(long, default_value_t = 4566)]
    pub aws_port: u16,
    /// Use the programs of the last build
    #[arg(long)]
    pub no_build: bool,
    /// How to make the default sandbox image
    #[arg(long, value_enum, default_value = "auto")]
    pub image: Source,
    /// Where everything of this stack is kept; a second stack needs its own folder and ports
    #[arg(long, default_value = DEFAULT_STATE, value_name = "FOLDER")]
    pub state_dir: PathBuf,
}

impl StackOptions {
    pub fn state(&self) -> StateDir {
        StateDir::new(&self.state_dir)
    }

    pub fn api_url(&self) -> String {
        format!("http://localhost:{}/api", self.api_port)
    }

    pub fn proxy_url(&self) -> String {
        format!("http://localhost:{}/toolbox", self.edge_port)
    }

    pub fn aws_url(&self) -> String {
        format!("http://localhost:{}", self.aws_port)
    }
}
