//! What a sandbox costs: memory while idle, Lambda init, and table and queue calls over its life.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use paddock_tests::api::{Api, labelled};
use paddock_tests::measure::{Report, Sample, short, verdict};
use paddock_tests::stack::STACK;
use paddock_tests::{docker, faults, operator, processes, table};
use reqwest::Method;
use serde_json::{Value, json};

use crate::creates::set_pool;

const LIVES: usize = 10;
const INITS: usize = 10;
/// A whole minute, so that the sweep, the heartbeats and the polls that go on anyway are seen as often as they come.
const BACKGROUND: Duration = Duration::from_secs(60);
/// Nothing is sent or written for so long: the work is done.
const QUIET: Duration = Duration::from_secs(3);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const MOST_REST: Duration = Duration::from_secs(60);

/// Called through API Gateway; agents call theirs by its function URL, and streams and schedules call the others.
const HTTP_FUNCTIONS: [&str; 1] = ["paddock-api"];

/// On-demand prices of us-east-1, dollars per million: write units, read units, SQS calls, Lambda calls, HTTP API calls.
const PRICES: [f64; 5] = [0.625, 0.125, 0.40, 0.20, 1.00];

pub async fn measure(api: &Api, report: &mut Report) -> Result<()> {
    memory(api, report).await?;
    init(api, report).await?;
    let background = background().await?;
    lives(api, report, &background).await
}

/// All processes of the daemon in an idle sandbox.
async fn memory(api: &Api, report: &mut Report) -> Result<()> {
    let id = api.create(labelled("bench")).await?;
    let first = docker::container(&id).await?.pid;
    let pause = docker::pause_of(&docker::container(&id).await?).await?.pid;
    let daemon: Vec<u32> =
        processes::all().into_iter().filter(|one| one.pid == first || one.parent == first).map(|one| one.pid).collect();
    let sum = |pids: &[u32], field: &str| pids.iter().map(|pid| mib(*pid, field)).sum::<Result<f64>>();
    let (rss, pss) = (sum(&daemon, "Rss:")?, sum(&daemon, "Pss:")?);
    let beside = format!("PSS {} MiB; pause PSS {} MiB", short(pss), short(sum(&[pause], "Pss:")?));
    report.add(
        "daemon RSS, idle sandbox",
        format!("{} MiB in {} processes", short(rss), daemon.len()),
        beside,
        String::new(),
        verdict("≤ 8 MiB", rss <= 8.0),
    );
    api.delete(&id).await
}

fn mib(pid: u32, field: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context("the kernel counts its memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// Instances are killed while frozen, so that the next request starts another.
async fn init(api: &Api, report: &mut Report) -> Result<()> {
    faults::reset_stats().await?;
    for _ in 0..INITS {
        for instance in processes::function_instances(STACK.state_dir(), "paddock-api") {
            processes::kill_9(instance.pid)?;
        }
        // The request that meets the dead instance may fail; it is the price of forcing an init.
        let _ = api.list().await;
    }
    let stats = faults::stats().await?;
    let inits = stats["functions"]["paddock-api"]["init_ms"].as_array().context("inits are counted")?;
    let millis = inits.iter().filter_map(Value::as_f64).map(|ms| Duration::from_secs_f64(ms / 1000.0));
    let sample = Sample::new(millis.collect());
    report.add(
        "Lambda init of api",
        sample.show(),
        String::new(),
        String::new(),
        verdict("≤ 50 ms", sample.p50() <= 50.0),
    );
    Ok(())
}

/// Calls and units per second while nobody does anything.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    table_calls: f64,
    write_units: f64,
    read_units: f64,
    queue_calls: f64,
    invocations: f64,
    http_calls: f64,
}

impl Use {
    fn of(stats: &Value) -> Self {
        let sum = |service: &str, field: &str| {
            let entries = stats[service].as_object();
            entries.into_iter().flatten().filter_map(|(_, entry)| entry[field].as_f64()).sum::<f64>()
        };
        Self {
            table_calls: sum("dynamodb", "calls"),
            write_units: sum("dynamodb", "write_units"),
            read_units: sum("dynamodb", "read_units"),
            queue_calls: sum("sqs", "calls"),
            invocations: sum("functions", "invocations"),
            http_calls: HTTP_FUNCTIONS.iter().filter_map(|name| stats["functions"][name]["invocations"].as_f64()).sum(),
        }
    }

    fn map(self, other: Self, change: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            table_calls: change(self.table_calls, other.table_calls),
            write_units: change(self.write_units, other.write_units),
            read_units: change(self.read_units, other.read_units),
            queue_calls: change(self.queue_calls, other.queue_calls),
            invocations: change(self.invocations, other.invocations),
            http_calls: change(self.http_calls, other.http_calls),
        }
    }

    fn show(self) -> String {
        let Self { table_calls, write_units, read_units, queue_calls, invocations, http_calls } = self;
        let [t, w, r, q, i, h] =
            [table_calls, write_units, read_units, queue_calls, invocations, http_calls].map(short);
        format!("DynamoDB {t} calls ({w} WU, {r} RU), SQS {q}, invocations {i} ({h} by HTTP)")
    }

    fn dollars_per_million(self) -> f64 {
        let amounts = [self.write_units, self.read_units, self.queue_calls, self.invocations, self.http_calls];
        amounts.iter().zip(PRICES).map(|(amount, price)| amount * price).sum()
    }
}

async fn background() -> Result<Use> {
    faults::reset_stats().await?;
    tokio::time::sleep(BACKGROUND).await;
    let per_second = 1.0 / BACKGROUND.as_secs_f64();
    Ok(Use::of(&faults::stats().await?).map(Use::default(), |sum, _| sum * per_second))
}

/// Each step is asked for and left to come to rest.
async fn lives(api: &Api, report: &mut Report, background: &Use) -> Result<()> {
    let pool = usize::try_from(operator::pool_size(&table::scan().await?))?;
    let (warm, created) = spent_on_creates(api, background).await?;
    let stop = spent(background, each(api, &created, Method::POST, "/stop")).await?;
    let start = spent(background, each(api, &created, Method::POST, "/start")).await?;
    let delete = spent(background, each(api, &created, Method::DELETE, "")).await?;
    set_pool(0).await?;
    at_rest().await?;
    let cold = spent_on_creates(api, background).await;
    set_pool(pool).await?;
    let (cold, others) = cold?;
    each(api, &others, Method::DELETE, "").await?;
    for id in created.iter().chain(&others) {
        api.until_gone(id).await?;
    }

    let steps = [
        ("create from the pool, with its refill", warm),
        ("create without a pool", cold),
        ("stop", stop),
        ("start", start),
        ("delete", delete),
    ];
    for (what, step) in &steps {
        report.add(&format!("one {what}"), step.show(), String::new(), String::new(), String::new());
    }
    for (what, create) in [("from the pool", warm), ("without a pool", cold)] {
        let life = [create, stop, delete].into_iter().fold(Use::default(), |sum, step| sum.map(step, |a, b| a + b));
        let dollars = life.dollars_per_million();
        let beside = format!("{}; idle, per s: {}", life.show(), background.show());
        let target = verdict("< $30, compute time apart", dollars < 30.0);
        let what = format!("create {what}, stop, delete; per million");
        report.add(&what, format!("${}", short(dollars)), beside, String::new(), target);
    }
    Ok(())
}

/// One after the other, each left to come to rest, so that a pool is full again for the next.
async fn spent_on_creates(api: &Api, background: &Use) -> Result<(Use, Vec<String>)> {
    let mut ids = Vec::new();
    let used = spent(background, async {
        for _ in 0..LIVES {
            let body = api.expect(Method::POST, "/sandbox", Some(&labelled("bench"))).await?;
            ids.push(body["id"].as_str().context("a sandbox has an id")?.to_owned());
            at_rest().await?;
        }
        Ok(())
    });
    let used = used.await?;
    Ok((used, ids))
}

async fn each(api: &Api, ids: &[String], method: Method, path: &str) -> Result<()> {
    for id in ids {
        api.expect(method.clone(), &format!("/sandbox/{id}{path}"), None).await?;
    }
    Ok(())
}

/// Use per sandbox, less what would have been used anyway. It is not looked whether the wish is served, which would
/// cost calls too: an SDK adds one or two GETs, a read unit and an invocation each.
async fn spent(background: &Use, work: impl Future<Output = Result<()>>) -> Result<Use> {
    faults::reset_stats().await?;
    let start = Instant::now();
    work.await?;
    at_rest().await?;
    let seconds = start.elapsed().as_secs_f64();
    let used = Use::of(&faults::stats().await?);
    Ok(used.map(*background, |all, idle| ((all - idle * seconds) / LIVES as f64).max(0.0)))
}

/// Until no message is sent and nothing of a sandbox is written for a while. Reading the counters is not counted.
async fn at_rest() -> Result<()> {
    let (start, mut seen) = (Instant::now(), (Value::Null, Instant::now()));
    while seen.1.elapsed() < QUIET && start.elapsed() < MOST_REST {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let stats = faults::stats().await?;
        let now = json!([stats["sqs"]["SendMessage"]["calls"], stats["dynamodb"]["TransactWriteItems"]["calls"]]);
        if now != seen.0 {
            seen = (now, Instant::now());
        }
    }
    Ok(())
}
