//! create → first code run answered: from the warm pool, without a pool, beside bare Docker; a burst.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use futures::future::join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, within};
use paddock_tests::measure::{Report, Sample, short, verdict};
use paddock_tests::toolbox::Toolbox;
use paddock_tests::{docker, operator, table};
use serde_json::json;

use crate::bare;

const WARM: usize = 20;
const COLD: usize = 12;
const BURST: usize = 20;
const SNAPSHOT: &str = "paddock-default";
const REFILL: Duration = Duration::from_secs(60);

/// One create with its first code run.
struct Created {
    total: Duration,
    asked: Duration,
    from_pool: bool,
    id: String,
}

pub async fn measure(api: &Api, report: &mut Report) -> Result<()> {
    let pool = usize::try_from(operator::pool_size(&table::scan().await?))?;
    let image = default_image(api).await?;
    let bare_runs = bare_docker(&image).await?;
    warm(api, report, pool.max(1)).await?;
    set_pool(0).await?;
    let cold = cold(api, report, &bare_runs).await;
    burst(api, report).await?;
    set_pool(pool).await?;
    until_pool(pool).await?;
    cold
}

async fn warm(api: &Api, report: &mut Report, pool: usize) -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..WARM {
        until_pool(pool).await?;
        let run = create(api).await?;
        api.delete(&run.id).await?;
        runs.push(run);
    }
    let hits: Vec<&Created> = runs.iter().filter(|run| run.from_pool).collect();
    let sample = Sample::new(hits.iter().map(|run| run.total).collect());
    let asked = Sample::new(hits.iter().map(|run| run.asked).collect());
    let met = sample.p50() <= 30.0 && sample.percentile(95) <= 60.0;
    let rate = format!("hit rate {}/{}", hits.len(), runs.len());
    report.add(
        "create → code_run, warm pool",
        sample.show(),
        rate,
        String::new(),
        verdict("30 / 60 ms to first exec", met),
    );
    report.add("… of which POST /sandbox", asked.show(), String::new(), String::new(), String::new());
    Ok(())
}

async fn cold(api: &Api, report: &mut Report, bare_runs: &Sample) -> Result<()> {
    let mut totals = Vec::new();
    while totals.len() < COLD {
        let run = create(api).await?;
        api.delete(&run.id).await?;
        // The pool may still hold some when its size was just set to nothing.
        if !run.from_pool {
            totals.push(run.total);
        }
    }
    let sample = Sample::new(totals);
    let ratio = sample.p50() / bare_runs.p50();
    let beside = format!("docker run + exec python: {}", bare_runs.show());
    report.add("create → code_run, no pool", sample.show(), beside, short(ratio), verdict("≤ 1.0", ratio <= 1.0));
    Ok(())
}

async fn burst(api: &Api, report: &mut Report) -> Result<()> {
    let start = Instant::now();
    let runs = join_all((0..BURST).map(|_| create(api))).await;
    let took = start.elapsed().as_secs_f64();
    let made: Vec<Created> =
        runs.into_iter().filter_map(|run| run.inspect_err(|problem| eprintln!("burst: {problem:#}")).ok()).collect();
    let sample = Sample::new(made.iter().map(|run| run.total).collect());
    let count = format!("{}/{BURST} succeeded, {} s in all", made.len(), short(took));
    report.add(
        "burst of 20 creates, no pool",
        sample.show(),
        count,
        String::new(),
        verdict("all succeed", made.len() == BURST),
    );
    for deleted in join_all(made.iter().map(|run| api.delete(&run.id))).await {
        deleted?;
    }
    Ok(())
}

async fn create(api: &Api) -> Result<Created> {
    let (wall, start) = (SystemTime::now(), Instant::now());
    let id = api.create(labelled("bench")).await?;
    let asked = start.elapsed();
    let ran = Toolbox::of(&id).python("print(1)").await?;
    let total = start.elapsed();
    anyhow::ensure!(ran.output == "1", "code_run: {ran:?}");
    // A container older than the request waited in the pool.
    let made = docker::docker(&["inspect", "-f", "{{.Created}}", &docker::container(&id).await?.id]).await?;
    let made = docker::docker_time(&made).context("a container has a time")?;
    Ok(Created { total, asked, from_pool: made < wall, id })
}

async fn bare_docker(image: &str) -> Result<Sample> {
    let mut durations = Vec::new();
    for _ in 0..COLD {
        let start = Instant::now();
        let container = bare::run(image).await?;
        bare::exec(&container, &["python3", "-c", "print(1)"]).await?;
        durations.push(start.elapsed());
        bare::remove(&container).await?;
    }
    Ok(Sample::new(durations))
}

/// The image of the default snapshot, as the engine knows it.
pub async fn default_image(api: &Api) -> Result<String> {
    let id = api.create(labelled("bench")).await?;
    let image = docker::container(&id).await?.all["Image"].as_str().unwrap_or_default().to_owned();
    api.delete(&id).await?;
    Ok(image)
}

async fn set_pool(size: usize) -> Result<()> {
    operator::invoke(&json!({ "command": "set-pool", "snapshot": SNAPSHOT, "size": size })).await?;
    Ok(())
}

async fn unclaimed() -> Result<usize> {
    let items = table::scan().await?;
    let free = |item: &&table::Item| !item.contains_key("org") && table::text(item, "state") == "started";
    Ok(table::live_heads(&items).into_values().filter(free).count())
}

/// Waits until so many started sandboxes are unclaimed.
pub async fn until_pool(size: usize) -> Result<()> {
    within(REFILL, "the pool is full", || async {
        let now = unclaimed().await?;
        Ok(if now >= size { Look::Done(()) } else { Look::NotYet(format!("{now} of {size}")) })
    })
    .await
}
