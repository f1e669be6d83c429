//! `cargo xtask image`.

use anyhow::Result;
use clap::Args;

use crate::image::{Source, check_content, provide_default};

/// Make the default sandbox image and compare it with its lists
///
/// `up` does this by itself. The image is made again when a file in images/default has changed.
#[derive(Args)]
pub struct Image {
    /// How to make it
    #[arg(long, value_enum, default_value = "auto")]
    from: Source,
}

impl Image {
    pub fn run(&self) -> Result<()> {
        let tag = provide_default(self.from)?;
        check_content(&tag)?;
        println!("{tag}");
        Ok(())
    }
}
