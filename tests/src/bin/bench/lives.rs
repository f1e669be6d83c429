//! The rest of a sandbox's life: archive and restore beside `tar | zstd` of the very same files, fork, and stop and pause
//! beside Docker's own on a bare container.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::docker;
use paddock_tests::measure::{Report, Sample, short, verdict};
use paddock_tests::stack::STACK;
use reqwest::Method;
use serde_json::Value;
use tokio::process::Command;

use crate::bare;
use crate::creates::default_image;

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Nothing takes so long, except what never ends.
const MOST: Duration = Duration::from_secs(600);
const FORKS: usize = 5;
const TURNS: usize = 10;
const FORKED_MB: usize = 10;
/// One call writes no more: it must end before the client gives up.
const FILE_MB: usize = 100;

/// Half random, half text, in turns: neither all zeros nor incompressible, as files of real projects.
const WRITE: &str = r#"
import os
def content(size):
    text = (b"let value = compute(first, second); // a line of a program\n" * 1200)[:65536]
    left = size
    while left > 0:
        for block in (os.urandom(min(left, 65536)), text):
            block = block[:left]
            left -= len(block)
            yield block
os.makedirs("/home/daytona/data", exist_ok=True)
"#;

/// The Engine's API: the `docker` command costs some 30 ms more.
static ENGINE: LazyLock<reqwest::Client> = LazyLock::new(|| {
    reqwest::Client::builder().unix_socket("/var/run/docker.sock").build().expect("a client can be built")
});

/// What a sandbox is filled with.
#[derive(Clone, Copy)]
enum Load {
    Megabytes(usize),
    SmallFiles(usize),
}

/// Megabytes per second of the uncompressed size.
#[derive(Default)]
struct Speeds {
    archive: Vec<f64>,
    tar: Vec<f64>,
    restore: Vec<f64>,
    untar: Vec<f64>,
}

pub async fn measure(api: &Api, report: &mut Report) -> Result<()> {
    for (load, times) in
        [(Load::Megabytes(1), 3), (Load::Megabytes(100), 3), (Load::Megabytes(1000), 1), (Load::SmallFiles(20_000), 3)]
    {
        archives(api, report, load, times).await?;
    }
    forks(api, report).await?;
    let image = default_image(api).await?;
    let bare = docker::docker(&["run", "-d", "--entrypoint", "sleep", &image, "3600"]).await?;
    let measured = turns(api, report, &bare).await;
    bare::remove(&bare).await?;
    measured
}

async fn archives(api: &Api, report: &mut Report, load: Load, times: usize) -> Result<()> {
    let folder = STACK.state_dir().join("bench-lives");
    fs::create_dir_all(&folder)?;
    let mut speeds = Speeds::default();
    for _ in 0..times {
        let id = api.create(labelled("bench")).await?;
        let round = archive_once(api, &id, load, &folder, &mut speeds).await;
        api.delete(&id).await?;
        round?;
    }
    fs::remove_dir_all(&folder)?;
    let what = match load {
        Load::Megabytes(megabytes) => format!("{megabytes} MB"),
        Load::SmallFiles(count) => format!("{count} small files"),
    };
    let Speeds { archive, tar, restore, untar } = speeds;
    show(report, &format!("archive of {what}"), "tar | zstd -3 -T0", archive, tar);
    show(report, &format!("restore of {what}, first exec"), "zstd -d | tar -x", restore, untar);
    Ok(())
}

async fn archive_once(api: &Api, id: &str, load: Load, folder: &Path, speeds: &mut Speeds) -> Result<()> {
    fill(api, id, load).await?;
    wish(api, id, "stop", "stopped").await?;
    let upper = docker::container(id).await?.all["GraphDriver"]["Data"]["UpperDir"].as_str().map(PathBuf::from);
    let upper = upper.context("the container has no upper directory")?;
    let bytes = shell("du -sb --apparent-size \"$1\" | cut -f1", &[&upper]).await?;
    let megabytes = bytes.trim().parse::<f64>()? / 1e6;
    let speed = |took: Duration| megabytes / took.as_secs_f64();

    let (packed, unpacked) = (folder.join("packed"), folder.join("unpacked"));
    let has_zstd = shell("command -v zstd", &[]).await.is_ok();
    if has_zstd {
        let pack = "tar -C \"$1\" -cf - . | zstd -q -f -3 -T0 -o \"$2\"";
        speeds.tar.push(speed(timed(shell(pack, &[&upper, &packed])).await?));
    }
    speeds.archive.push(speed(timed(wish(api, id, "archive", "archived")).await?));
    if has_zstd {
        fs::create_dir_all(&unpacked)?;
        let unpack = "zstd -q -d -c \"$1\" | tar -C \"$2\" -xf -";
        speeds.untar.push(speed(timed(shell(unpack, &[&packed, &unpacked])).await?));
        fs::remove_dir_all(&unpacked)?;
    }
    speeds.restore.push(speed(timed(start_and_exec(api, id)).await?));
    Ok(())
}

fn show(report: &mut Report, what: &str, alternative: &str, ours: Vec<f64>, beside: Vec<f64>) {
    let count = ours.len();
    let ours = median(ours);
    let shown = format!("{} MB/s (n={count})", short(ours));
    if beside.is_empty() {
        report.add(what, shown, "zstd is not installed".to_owned(), String::new(), String::new());
        return;
    }
    let beside = median(beside);
    let ratio = ours / beside;
    let met = verdict("≥ 0.8", ratio >= 0.8);
    report.add(what, shown, format!("{alternative}: {} MB/s", short(beside)), short(ratio), met);
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn fill(api: &Api, id: &str, load: Load) -> Result<()> {
    let steps: Vec<String> = match load {
        Load::Megabytes(megabytes) => (0..megabytes.div_ceil(FILE_MB))
            .map(|n| {
                let size = FILE_MB.min(megabytes - n * FILE_MB) * 1_000_000;
                format!("with open('/home/daytona/data/{n}', 'wb') as file: file.writelines(content({size}))")
            })
            .collect(),
        Load::SmallFiles(count) => vec![format!(
            "for n in range({count}):\n    folder = f'/home/daytona/data/{{n % 200}}'\n    os.makedirs(folder, exist_ok=True)\n    \
             size = 1024 + n * 37 % 3073\n    half = os.urandom(size // 2)\n    \
             open(f'{{folder}}/{{n}}', 'wb').write(half + (b'a line of text\\n' * 300)[:size - len(half)])"
        )],
    };
    for step in steps {
        let ran = api.toolbox(id).python(&format!("{WRITE}{step}\n")).await?;
        ensure!(ran.code == 0, "the sandbox cannot be filled: {}", ran.output);
    }
    Ok(())
}

async fn forks(api: &Api, report: &mut Report) -> Result<()> {
    let id = api.create(labelled("bench")).await?;
    fill(api, &id, Load::Megabytes(FORKED_MB)).await?;
    let mut took = Vec::new();
    for _ in 0..FORKS {
        let start = Instant::now();
        let made = api.expect(Method::POST, &format!("/sandbox/{id}/fork"), None).await?;
        let child = made["id"].as_str().context("a fork has an id")?.to_owned();
        until(api, &child, "started").await?;
        api.toolbox(&child).sh("true").await?;
        took.push(start.elapsed());
        api.delete(&child).await?;
        // A source that is still forking refuses the next one.
        until(api, &id, "started").await?;
    }
    report.add("fork → first exec, 10 MB", Sample::new(took).show(), String::new(), String::new(), String::new());
    api.delete(&id).await
}

/// In turns, so that both meet the same load.
async fn turns(api: &Api, report: &mut Report, bare: &str) -> Result<()> {
    let id = api.create(labelled("bench")).await?;
    for (verb, state, of_docker, back) in
        [("stop", "stopped", "stop?t=0", "start"), ("pause", "paused", "pause", "unpause")]
    {
        let [mut down, mut bare_down, mut up, mut bare_up] = [const { Vec::new() }; 4];
        for _ in 0..TURNS {
            down.push(timed(wish(api, &id, verb, state)).await?);
            bare_down.push(timed(engine(bare, of_docker)).await?);
            up.push(timed(start_and_exec(api, &id)).await?);
            let again = async {
                engine(bare, back).await?;
                bare::exec(bare, &["true"]).await
            };
            bare_up.push(timed(again).await?);
        }
        let rows = [
            (format!("{verb} → {state}"), format!("docker {verb}"), down, bare_down),
            (format!("{state} → first exec"), format!("docker {back}, exec"), up, bare_up),
        ];
        for (what, alternative, ours, beside) in rows {
            let (ours, beside) = (Sample::new(ours), Sample::new(beside));
            let ratio = short(ours.p50() / beside.p50());
            report.add(&what, ours.show(), format!("{alternative}: {}", beside.show()), ratio, String::new());
        }
    }
    api.delete(&id).await
}

async fn start_and_exec(api: &Api, id: &str) -> Result<()> {
    wish(api, id, "start", "started").await?;
    api.toolbox(id).sh("true").await.map(drop)
}

async fn wish(api: &Api, id: &str, verb: &str, state: &str) -> Result<()> {
    api.expect(Method::POST, &format!("/sandbox/{id}/{verb}"), None).await?;
    until(api, id, state).await
}

/// Looks more often than the tests do: the interval is part of every figure.
async fn until(api: &Api, id: &str, state: &str) -> Result<()> {
    let start = Instant::now();
    loop {
        let seen = api.get(id).await?;
        if seen["state"] == state {
            return Ok(());
        }
        if seen["state"] == "error" || start.elapsed() > MOST {
            bail!("{id} is {}, not {state}: {}", seen["state"], seen["errorReason"]);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

async fn engine(container: &str, verb: &str) -> Result<()> {
    let answer = ENGINE.post(format!("http://docker/containers/{container}/{verb}")).json(&Value::Null).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "docker {verb}: {status} {}", answer.text().await?);
    Ok(())
}

/// With pipefail: a tar that failed is no alternative.
async fn shell(script: &str, paths: &[&PathBuf]) -> Result<String> {
    let output = Command::new("bash").args(["-o", "pipefail", "-c", script, "bash"]).args(paths).output().await?;
    ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<Duration> {
    let start = Instant::now();
    work.await?;
    Ok(start.elapsed())
}
