//! Calls on a running sandbox, beside `docker exec` and a plain HTTP copy of the same file.

use std::time::{Duration, Instant};

use anyhow::Result;
use paddock_tests::api::{Api, labelled};
use paddock_tests::docker;
use paddock_tests::measure::{Report, Sample, short, verdict};
use paddock_tests::stack::STACK;

use crate::bare;

/// Rounds of some calls of ours and one of Docker's, so that both meet the same load.
const ROUNDS: usize = 40;
const EXECS_EACH: usize = 5;
const GETS: usize = 200;
const FILE_MB: usize = 100;
const COPIES: usize = 5;

pub async fn measure(api: &Api, report: &mut Report) -> Result<()> {
    let id = api.create(labelled("bench")).await?;
    exec(api, &id, report).await?;
    get(api, &id, report).await?;
    transfer(api, &id, report).await?;
    api.delete(&id).await
}

async fn exec(api: &Api, id: &str, report: &mut Report) -> Result<()> {
    let toolbox = api.toolbox(id);
    let container = docker::container(id).await?.id;
    toolbox.exec("true").await?;
    let (mut ours, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..EXECS_EACH {
            ours.push(timed(toolbox.exec("true")).await?);
        }
        beside.push(timed(bare::exec(&container, &["true"])).await?);
    }
    let (ours, beside) = (Sample::new(ours), Sample::new(beside));
    let ratio = ours.p50() / beside.p50();
    let beside = format!("docker exec: {}", beside.show());
    report.add("exec through the edge", ours.show(), beside, short(ratio), verdict("≤ 0.1", ratio <= 0.1));

    let (mut python, mut bare_python) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        python.push(timed(toolbox.python("print(1)")).await?);
        bare_python.push(timed(bare::exec(&container, &["python3", "-c", "print(1)"])).await?);
    }
    let (python, bare_python) = (Sample::new(python), Sample::new(bare_python));
    let ratio = short(python.p50() / bare_python.p50());
    report.add(
        "code_run of print(1)",
        python.show(),
        format!("docker exec python3: {}", bare_python.show()),
        ratio,
        String::new(),
    );
    Ok(())
}

async fn timed<T>(call: impl Future<Output = Result<T>>) -> Result<Duration> {
    let start = Instant::now();
    call.await?;
    Ok(start.elapsed())
}

async fn get(api: &Api, id: &str, report: &mut Report) -> Result<()> {
    let sample = Sample::of(GETS, || async { api.get(id).await.map(drop) }).await?;
    let met = verdict("p50 ≤ 5 ms", sample.p50() <= 5.0);
    report.add("GET /sandbox/{id}", sample.show(), String::new(), String::new(), met);
    Ok(())
}

async fn transfer(api: &Api, id: &str, report: &mut Report) -> Result<()> {
    let toolbox = api.toolbox(id);
    let file = STACK.state_dir().join("bench-file");
    let url = bare::file_server(&file).await?;
    let http = reqwest::Client::new();
    let content: Vec<u8> = (0..FILE_MB * 1_000_000 / 8)
        .flat_map(|n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect();
    // In turns, so that both meet the same load.
    let (mut up, mut up_bare, mut down, mut down_bare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..COPIES {
        let start = Instant::now();
        toolbox.upload("/home/daytona/bench", content.clone()).await?;
        up.push(start.elapsed());
        let start = Instant::now();
        http.put(&url).body(content.clone()).send().await?.error_for_status()?;
        up_bare.push(start.elapsed());
        let start = Instant::now();
        anyhow::ensure!(toolbox.download("/home/daytona/bench").await?.len() == content.len(), "a short download");
        down.push(start.elapsed());
        let start = Instant::now();
        http.get(&url).send().await?.bytes().await?;
        down_bare.push(start.elapsed());
    }
    std::fs::remove_file(file)?;
    for (what, ours, beside) in [("upload of 100 MB", up, up_bare), ("download of 100 MB", down, down_bare)] {
        let speed = |durations| FILE_MB as f64 * 1000.0 / Sample::new(durations).p50();
        let (ours, beside) = (speed(ours), speed(beside));
        let ratio = ours / beside;
        let show = |speed| format!("{} MB/s", short(speed));
        report.add(
            what,
            show(ours),
            format!("plain HTTP copy: {}", show(beside)),
            short(ratio),
            verdict("≥ 0.5", ratio >= 0.5),
        );
    }
    Ok(())
}
