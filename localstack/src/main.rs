//! `paddock-localstack`: see [`cli`] for the commands, the library for everything else.

mod cli;

fn main() -> anyhow::Result<()> {
    cli::run()
}
