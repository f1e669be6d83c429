//! Official SDKs, installed beside the build output: a virtual environment per version from PyPI, a folder of
//! modules from npm. An installation is made anew when what it depends on changes, the newest versions once a day.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest;
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
    let tools = repository().join("tests/sdk/python/requirements.txt");
    let package = if version == "newest" { "daytona".to_owned() } else { format!("daytona=={version}") };
    let inputs = Inputs { kind: format!("python-{version}"), files: vec![tools.clone()], moves: version == "newest" };
    let folder = inputs
        .installed(async |folder| {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)).await?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(folder.join("bin/python")).args(pip).arg(&package).arg("-r").arg(&tools)).await
        })
        .await?;
    let interpreter = folder.join("bin/python");
    let ask = "import importlib.metadata; print(importlib.metadata.version('daytona'))";
    println!("daytona from PyPI: {}", run(Command::new(&interpreter).args(["-c", ask])).await?.trim());
    Ok(interpreter)
}

/// A folder with the compiled TypeScript suite and its modules.
pub async fn typescript() -> Result<PathBuf> {
    let sources = repository().join("tests/sdk/typescript");
    let package = sources.join("package.json");
    // It asks for the latest SDK.
    let inputs = Inputs { kind: "typescript".to_owned(), files: vec![package.clone()], moves: true };
    let folder = inputs
        .installed(async |folder| {
            std::fs::create_dir_all(folder)?;
            std::fs::copy(&package, folder.join("package.json"))?;
            let install = ["install", "--no-audit", "--no-fund", "--no-package-lock"];
            run(Command::new("npm").args(install).current_dir(folder)).await
        })
        .await?;
    std::fs::copy(sources.join("tsconfig.json"), folder.join("tsconfig.json"))?;
    // Anew, or a test that was removed would run on.
    remove(&folder.join("src"))?;
    remove(&folder.join("out"))?;
    std::fs::create_dir(folder.join("src"))?;
    for entry in std::fs::read_dir(sources.join("src"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join("src").join(entry.file_name()))?;
    }
    run(Command::new("npm").args(["run", "--silent", "build"]).current_dir(&folder)).await?;
    let sdk = std::fs::read(folder.join("node_modules/@daytona/sdk/package.json"))?;
    println!("@daytona/sdk from npm: {}", serde_json::from_slice::<serde_json::Value>(&sdk)?["version"]);
    Ok(folder)
}

/// The variables that a user has after sourcing the `env` file, and where the suites' common files are.
pub fn with_credentials(command: &mut Command) -> &mut Command {
    command.env("DAYTONA_API_URL", &STACK.api_url).env("DAYTONA_API_KEY", &STACK.api_key);
    command.env("SDK_TESTS", repository().join("tests/sdk"))
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

/// What an installation depends on. Each has a folder of its own, `<kind>-<hash of the files>-<day>`.
struct Inputs {
    kind: String,
    files: Vec<PathBuf>,
    /// What the registry gives for these files changes with time: resolved again each day.
    moves: bool,
}

impl Inputs {
    /// The folder, filled by `install` if it is not yet. Without a registry that answers, an older one will do.
    async fn installed(&self, install: impl AsyncFnOnce(&Path) -> Result<String>) -> Result<PathBuf> {
        let day = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() / 86_400;
        let prefix = self.prefix()?;
        let folder = cache().join(format!("{prefix}{:06}", if self.moves { day } else { 0 }));
        if is_complete(&folder) {
            return Ok(folder);
        }
        remove(&folder)?;
        std::fs::create_dir_all(cache())?;
        if let Err(error) = install(&folder).await {
            let older = self.made()?.into_iter().rev().find(|made| starts_with(made, &prefix) && is_complete(made));
            let older = older.ok_or(error)?;
            println!("{} could not be installed, the one of {} is used", self.kind, older.display());
            return Ok(older);
        }
        // Written last: an interrupted installation is done again.
        std::fs::write(folder.join(COMPLETE), "")?;
        // A run that began yesterday may still use the one before.
        for outdated in self.made()?.into_iter().rev().skip(2) {
            remove(&outdated)?;
        }
        Ok(folder)
    }

    fn prefix(&self) -> Result<String> {
        let mut content = digest::Context::new(&digest::SHA256);
        for file in &self.files {
            content.update(&std::fs::read(file)?);
        }
        Ok(format!("{}-{}-", self.kind, &hex::encode(content.finish())[..12]))
    }

    /// All folders of this kind, oldest first.
    fn made(&self) -> Result<Vec<PathBuf>> {
        let mut made = Vec::new();
        for entry in std::fs::read_dir(cache())? {
            let folder = entry?.path();
            if starts_with(&folder, &format!("{}-", self.kind)) {
                made.push((folder.metadata()?.modified()?, folder));
            }
        }
        made.sort();
        Ok(made.into_iter().map(|(_, folder)| folder).collect())
    }
}

/// In the folder of an installation that ended well.
const COMPLETE: &str = "complete";

fn is_complete(folder: &Path) -> bool {
    folder.join(COMPLETE).exists()
}

fn starts_with(folder: &Path, prefix: &str) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| folder.display().to_string()),
        _ => Ok(()),
    }
}

fn cache() -> PathBuf {
    // The build output of a workspace can stand elsewhere; this program is in it.
    let here = std::env::current_exe().unwrap_or_default();
    let target = here.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "target"));
    target.map_or_else(|| repository().join("target"), Path::to_path_buf).join("sdk")
}
