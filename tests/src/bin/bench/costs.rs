//! What a sandbox costs: memory while idle, Lambda init, and table and queue calls over its life.

use std::time::Duration;

use anyhow::{Context, Result};
use paddock_tests::api::{Api, labelled};
use paddock_tests::measure::{Report, Sample, short, verdict};
use paddock_tests::{docker, faults, operator, processes, table};
use serde_json::Value;

use crate::creates;

const LIVES: usize = 10;
const INITS: usize = 10;
/// Long enough to see heartbeats, polls and sweeps that go on without any sandbox being touched.
const BACKGROUND: Duration = Duration::from_secs(20);

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
    let sum = |pids: &[u32], field: &str| pids.iter().map(|pid| mib(*pid, field)).sum::<f64>();
    let (rss, pss) = (sum(&daemon, "Rss:"), sum(&daemon, "Pss:"));
    let beside = format!("PSS {} MiB; pause PSS {} MiB", short(pss), short(sum(&[pause], "Pss:")));
    report.add(
        "daemon RSS, idle sandbox",
        format!("{} MiB in {} processes", short(rss), daemon.len()),
        beside,
        String::new(),
        verdict("≤ 8 MiB", rss <= 8.0),
    );
    api.delete(&id).await
}

fn mib(pid: u32, field: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kib =
        text.lines().find_map(|line| line.strip_prefix(field)?.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// Instances are killed while frozen, so that the next request starts another.
async fn init(api: &Api, report: &mut Report) -> Result<()> {
    faults::reset_stats().await?;
    for _ in 0..INITS {
        for instance in processes::function_instances("paddock-api") {
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
        }
    }

    fn map(self, other: Self, change: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            table_calls: change(self.table_calls, other.table_calls),
            write_units: change(self.write_units, other.write_units),
            read_units: change(self.read_units, other.read_units),
            queue_calls: change(self.queue_calls, other.queue_calls),
            invocations: change(self.invocations, other.invocations),
        }
    }

    fn show(self) -> String {
        let Self { table_calls, write_units, read_units, queue_calls, invocations } = self;
        let [t, w, r, q, i] = [table_calls, write_units, read_units, queue_calls, invocations].map(short);
        format!("DynamoDB {t} calls ({w} WU, {r} RU), SQS {q}, invocations {i}")
    }

    fn dollars_per_million(self) -> f64 {
        let amounts = [self.write_units, self.read_units, self.queue_calls, self.invocations, self.invocations];
        amounts.iter().zip(PRICES).map(|(amount, price)| amount * price).sum()
    }
}

async fn background() -> Result<Use> {
    faults::reset_stats().await?;
    tokio::time::sleep(BACKGROUND).await;
    let per_second = 1.0 / BACKGROUND.as_secs_f64();
    Ok(Use::of(&faults::stats().await?).map(Use::default(), |sum, _| sum * per_second))
}

async fn lives(api: &Api, report: &mut Report, background: &Use) -> Result<()> {
    let pool = usize::try_from(operator::pool_size(&table::scan().await?))?;
    let mut ids = Vec::new();
    let create = spent(background, async {
        for _ in 0..LIVES {
            ids.push(api.create(labelled("bench")).await?);
        }
        // What was claimed is made anew: that is part of the price of a create.
        creates::until_pool(pool).await
    });
    let create = create.await?;
    let stop = spent(background, each(&ids, |id| api.stop(id))).await?;
    let start = spent(background, each(&ids, |id| api.start(id))).await?;
    let delete = spent(background, each(&ids, |id| api.delete(id))).await?;
    let life = create.map(stop, |a, b| a + b).map(start, |a, b| a + b).map(delete, |a, b| a + b);
    for (what, use_) in [("per create", create), ("per stop", stop), ("per start", start), ("per delete", delete)] {
        report.add(
            &format!("calls {what}, refill of the pool and polling included"),
            use_.show(),
            String::new(),
            String::new(),
            String::new(),
        );
    }
    let dollars = life.dollars_per_million();
    let idle = format!("background: {} per s", background.show());
    report.add(
        "one whole life",
        format!("${} per million", short(dollars)),
        idle,
        String::new(),
        verdict("< $30 without compute time", dollars < 30.0),
    );
    Ok(())
}

async fn each<'a, Fut>(ids: &'a [String], action: impl Fn(&'a str) -> Fut) -> Result<()>
where
    Fut: Future<Output = Result<()>>,
{
    for id in ids {
        action(id).await?;
    }
    Ok(())
}

/// Use per sandbox, less what would have been used anyway.
async fn spent(background: &Use, work: impl Future<Output = Result<()>>) -> Result<Use> {
    faults::reset_stats().await?;
    let start = std::time::Instant::now();
    work.await?;
    let seconds = start.elapsed().as_secs_f64();
    let used = Use::of(&faults::stats().await?);
    Ok(used.map(*background, |all, idle| ((all - idle * seconds) / LIVES as f64).max(0.0)))
}
