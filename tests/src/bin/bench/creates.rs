//! create → first call answered: from the warm pool, without a pool, beside bare Docker; a burst.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use futures::future::join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, within};
use paddock_tests::measure::{Report, Sample, short, verdict};
use paddock_tests::{docker, operator, table};
use serde_json::json;

use crate::bare;

const WARM: usize = 20;
const COLD: usize = 20;
const BURST: usize = 20;
const SNAPSHOT: &str = "paddock-default";
const REFILL: Duration = Duration::from_secs(60);

/// What is asked of a new sandbox first.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Exec,
    Code,
}

impl First {
    fn name(self) -> &'static str {
        if self == Self::Exec { "exec of true" } else { "code_run" }
    }

    /// The same by `docker exec`.
    fn command(self) -> &'static [&'static str] {
        if self == Self::Exec { &["true"] } else { &["python3", "-c", "print(1)"] }
    }
}

/// One create with its first call.
struct Created {
    total: Duration,
    asked: Duration,
    from_pool: bool,
    id: String,
}

pub async fn measure(api: &Api, report: &mut Report) -> Result<()> {
    let pool = usize::try_from(operator::pool_size(&table::scan().await?))?;
    let image = default_image(api).await?;
    for first in [First::Exec, First::Code].into_iter().filter(|_| pool > 0) {
        warm(api, report, pool, first).await?;
    }
    let measured = without_pool(api, report, &image).await;
    set_pool(pool).await?;
    measured.and(until_pool(pool).await)
}

async fn without_pool(api: &Api, report: &mut Report, image: &str) -> Result<()> {
    set_pool(0).await?;
    for first in [First::Exec, First::Code] {
        cold(api, report, image, first).await?;
    }
    burst(api, report).await
}

async fn warm(api: &Api, report: &mut Report, pool: usize, first: First) -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..WARM {
        until_pool(pool).await?;
        let run = create(api, first).await?;
        api.delete(&run.id).await?;
        runs.push(run);
    }
    let hits: Vec<&Created> = runs.iter().filter(|run| run.from_pool).collect();
    let sample = Sample::new(hits.iter().map(|run| run.total).collect());
    let asked = Sample::new(hits.iter().map(|run| run.asked).collect());
    let met = sample.p50() <= 30.0 && sample.percentile(95) <= 60.0;
    let target = if first == First::Exec { verdict("≤ 30 / 60 ms", met) } else { String::new() };
    let notes = format!("hits {}/{}, POST {} / {}", hits.len(), WARM, short(asked.p50()), short(asked.percentile(95)));
    report.add(&format!("create → {}, warm pool", first.name()), sample.show(), notes, String::new(), target);
    Ok(())
}

async fn cold(api: &Api, report: &mut Report, image: &str, first: First) -> Result<()> {
    // In turns, so that both meet the same load.
    let (mut ours, mut bare_runs, mut bare_starts) = (Vec::new(), Vec::new(), Vec::new());
    while ours.len() < COLD {
        let run = create(api, first).await?;
        api.delete(&run.id).await?;
        // The pool may still hold some when its size was just set to nothing.
        if !run.from_pool {
            ours.push(run.total);
            let (started, ran) = bare_docker(image, first).await?;
            bare_starts.push(started);
            bare_runs.push(ran);
        }
    }
    let (sample, beside, starts) = (Sample::new(ours), Sample::new(bare_runs), Sample::new(bare_starts));
    // The target is the container alone; like with like is with the first call.
    let (ratio, of_start) = (sample.p50() / beside.p50(), sample.p50() / starts.p50());
    let what = format!("create → {}, no pool", first.name());
    let beside = format!("docker run, exec: {}; docker run alone: {}", beside.show(), starts.show());
    let ratios = format!("{}; {}", short(ratio), short(of_start));
    report.add(&what, sample.show(), beside, ratios, verdict("≤ 1.0 of docker run alone", of_start <= 1.0));
    Ok(())
}

async fn burst(api: &Api, report: &mut Report) -> Result<()> {
    let start = Instant::now();
    let runs = join_all((0..BURST).map(|_| create(api, First::Code))).await;
    let took = start.elapsed().as_secs_f64();
    let made: Vec<Created> =
        runs.into_iter().filter_map(|run| run.inspect_err(|problem| eprintln!("burst: {problem:#}")).ok()).collect();
    let sample = Sample::new(made.iter().map(|run| run.total).collect());
    let count = format!("{}/{BURST} succeeded, {} s in all", made.len(), short(took));
    let all = verdict("all succeed", made.len() == BURST);
    report.add("burst of 20 creates, no pool", sample.show(), count, String::new(), all);
    for deleted in join_all(made.iter().map(|run| api.delete(&run.id))).await {
        deleted?;
    }
    Ok(())
}

async fn create(api: &Api, first: First) -> Result<Created> {
    let (wall, start) = (SystemTime::now(), Instant::now());
    let id = api.create(labelled("bench")).await?;
    let asked = start.elapsed();
    let toolbox = api.toolbox(&id);
    let ran = if first == First::Exec { toolbox.exec("true").await? } else { toolbox.python("print(1)").await? };
    let total = start.elapsed();
    anyhow::ensure!(ran.code == 0, "the first call: {ran:?}");
    // A container older than the request waited in the pool.
    let made = docker::docker(&["inspect", "-f", "{{.Created}}", &docker::container(&id).await?.id]).await?;
    let made = docker::docker_time(&made).context("a container has a time")?;
    Ok(Created { total, asked, from_pool: made < wall, id })
}

/// Until the container was started, and until its first command had ended.
async fn bare_docker(image: &str, first: First) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    let container = bare::run(image).await?;
    let started = start.elapsed();
    bare::exec(&container, first.command()).await?;
    let ran = start.elapsed();
    bare::remove(&container).await?;
    Ok((started, ran))
}

/// The image of the default snapshot, as the engine knows it.
pub async fn default_image(api: &Api) -> Result<String> {
    let id = api.create(labelled("bench")).await?;
    let image = docker::container(&id).await?.all["Image"].as_str().unwrap_or_default().to_owned();
    api.delete(&id).await?;
    Ok(image)
}

pub async fn set_pool(size: usize) -> Result<()> {
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
