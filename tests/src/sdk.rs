//! Official SDKs, installed once beside the build output: a virtual environment per version from PyPI, a folder of
//! modules from npm.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::stack::{STACK, repository};

/// The Python versions that are promised to work.
pub const PYTHON_VERSIONS: [&str; 3] = ["newest", "0.190.0", "0.160.0"];

/// Tests run side by side, and two may want the same installation.
static INSTALLING: [Mutex<()>; PYTHON_VERSIONS.len()] = [const { Mutex::const_new(()) }; PYTHON_VERSIONS.len()];

/// The interpreter of a virtual environment with that version of `daytona`, made if needed.
pub async fn python(version: &str) -> Result<PathBuf> {
    let index = PYTHON_VERSIONS.iter().position(|known| *known == version);
    let _only_one = INSTALLING[index.context("one of the promised versions")?].lock().await;
    let folder = cache().join(format!("python-{version}"));
    let interpreter = folder.join("bin/python");
    // Written last: an interrupted installation is done again.
    let complete = folder.join("complete");
    if !complete.exists() {
        let package = if version == "newest" { "daytona".to_owned() } else { format!("daytona=={version}") };
        let tools = repository().join("tests/sdk/python/requirements.txt");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).await?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&interpreter).args(pip).arg(&package).arg("-r").arg(tools)).await?;
        std::fs::write(complete, package)?;
    }
    Ok(interpreter)
}

/// A folder with the compiled TypeScript suite and its modules.
pub async fn typescript() -> Result<PathBuf> {
    let folder = cache().join("typescript");
    let sources = repository().join("tests/sdk/typescript");
    std::fs::create_dir_all(folder.join("src"))?;
    for file in ["package.json", "tsconfig.json"] {
        std::fs::copy(sources.join(file), folder.join(file))?;
    }
    for entry in std::fs::read_dir(sources.join("src"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join("src").join(entry.file_name()))?;
    }
    if !folder.join("node_modules/@daytona/sdk").exists() {
        run(Command::new("npm").args(["install", "--no-audit", "--no-fund", "--no-package-lock"]).current_dir(&folder))
            .await?;
    }
    run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&folder)).await?;
    Ok(folder)
}

/// The variables that a user has after sourcing the `env` file.
pub fn with_credentials(command: &mut Command) -> &mut Command {
    command.env("DAYTONA_API_URL", &STACK.api_url).env("DAYTONA_API_KEY", &STACK.api_key)
}

/// Runs to the end; the error holds all output.
pub async fn run(command: &mut Command) -> Result<String> {
    // Without the environment: it holds a key.
    let name = format!("{:?} {:?}", command.as_std().get_program(), command.as_std().get_args().collect::<Vec<_>>());
    let output = command.output().await.with_context(|| format!("{name} cannot be run"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{text}", output.status);
    Ok(text)
}

fn cache() -> PathBuf {
    // The build output of a workspace can stand elsewhere; this program is in it.
    let here = std::env::current_exe().unwrap_or_default();
    let target = here.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "target"));
    target.map_or_else(|| repository().join("target"), Path::to_path_buf).join("sdk")
}
