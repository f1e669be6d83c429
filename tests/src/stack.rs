//! Where the stack under test is: read from the `env` file that `cargo xtask up` writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result};

/// The stack of this run.
pub static STACK: LazyLock<Stack> = LazyLock::new(|| {
    Stack::find().unwrap_or_else(|problem| panic!("{problem:#}\nRun the tests with `cargo xtask test`."))
});

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    /// The file that users source.
    pub env_file: PathBuf,
    /// `http://localhost:3000/api`
    pub api_url: String,
    /// Key of the first organization.
    pub api_key: String,
    /// `http://localhost:4000/toolbox`, the first runner's edge.
    pub proxy_url: String,
    /// The AWS endpoint, with the fault switches.
    pub aws_url: String,
    /// Everything the file says, for child processes.
    pub env: HashMap<String, String>,
}

impl Stack {
    fn find() -> Result<Self> {
        let env_file =
            std::env::var("PADDOCK_E2E_ENV").map_or_else(|_| repository().join(".paddock/env"), PathBuf::from);
        let text = std::fs::read_to_string(&env_file)
            .with_context(|| format!("there is no stack: {} cannot be read", env_file.display()))?;
        let env = parse(&text);
        let get = |name: &str| {
            let found = env.get(name).cloned();
            found.with_context(|| format!("{} says nothing about {name}", env_file.display()))
        };
        Ok(Self {
            api_url: get("DAYTONA_API_URL")?,
            api_key: get("DAYTONA_API_KEY")?,
            proxy_url: get("PADDOCK_PROXY_URL")?,
            aws_url: get("PADDOCK_AWS_URL")
                .or_else(|_| get("AWS_ENDPOINT_URL"))
                .unwrap_or_else(|_| DEFAULT_AWS.to_owned()),
            env_file,
            env,
        })
    }

    /// `.paddock`, where pids, logs and state are.
    pub fn state_dir(&self) -> &Path {
        self.env_file.parent().expect("a file has a folder")
    }

    /// Origin of the second runner's edge: the port after the first's.
    pub fn second_proxy_url(&self) -> String {
        let mut url = reqwest::Url::parse(&self.proxy_url).expect("PADDOCK_PROXY_URL is a URL");
        let port = url.port().expect("the edge has a port");
        url.set_port(Some(port + 1)).expect("http has ports");
        url.to_string().trim_end_matches('/').to_owned()
    }
}

const DEFAULT_AWS: &str = "http://127.0.0.1:4566";

/// The root of the checkout.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

/// Lines `export NAME='value'`; quotes are optional.
fn parse(text: &str) -> HashMap<String, String> {
    let assignment = |line: &str| {
        let (name, value) = line.trim().trim_start_matches("export ").split_once('=')?;
        let value = value.trim().trim_matches(['\'', '"']);
        (!name.starts_with('#')).then(|| (name.trim().to_owned(), value.to_owned()))
    };
    text.lines().filter_map(assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn shell_assignments_are_read_with_and_without_quotes() {
        let env = parse("# comment=1\nexport A='x y'\nexport B=\"z\"\nC=http://h:1/p?q=1\n");
        assert_eq!((env["A"].as_str(), env["B"].as_str(), env["C"].as_str()), ("x y", "z", "http://h:1/p?q=1"));
        assert_eq!(env.len(), 3);
    }
}
