//! What we rely on AWS to do, asked of any endpoint through the ordinary SDK clients.
//!
//! * [`context`] - clients and the resources a run makes for itself
//! * [`conditions`], [`updates`], [`transactions`], [`queries`], [`streams`] - DynamoDB
//! * [`queues`] - SQS
//! * [`objects`], [`uploads`] - S3
//! * [`table`] - the printed result
//!
//! A case is a function that fails with a reason. An operation the endpoint does not know counts as
//! unsupported, not as failed.

mod conditions;
mod context;
mod objects;
mod queries;
mod queues;
mod streams;
mod table;
mod transactions;
mod updates;
mod uploads;

use std::path::Path;

use context::Context;
use futures::future::BoxFuture;

/// One thing we rely on.
pub struct Case {
    service: &'static str,
    name: &'static str,
    run: for<'a> fn(&'a Context) -> BoxFuture<'a, anyhow::Result<()>>,
}

/// How one case ended.
pub enum Verdict {
    Pass,
    Fail(String),
    Unsupported(String),
}

macro_rules! cases {
    ($service:literal: $($name:literal => $function:path,)+) => {
        vec![$($crate::conformance::Case {
            service: $service,
            name: $name,
            run: |context| Box::pin($function(context)),
        }),+]
    };
}
pub(crate) use cases;

/// Services a case can be about, as `--services` takes them.
pub const SERVICES: [&str; 4] = ["dynamodb", "streams", "sqs", "s3"];

/// Runs every case of the wanted services, prints the table, and says whether none failed.
pub async fn run(endpoint: &str, wanted: &[String], markdown: Option<&Path>) -> anyhow::Result<bool> {
    let context = Context::new(endpoint, wanted).await?;
    let groups = [
        conditions::cases(),
        updates::cases(),
        transactions::cases(),
        queries::cases(),
        streams::cases(),
        queues::cases(),
        objects::cases(),
        uploads::cases(),
    ];
    let mut results = Vec::new();
    for case in groups.into_iter().flatten().filter(|case| wanted.contains(&case.service.to_lowercase())) {
        let verdict = match (case.run)(&context).await {
            Ok(()) => Verdict::Pass,
            Err(error) => verdict(&error),
        };
        results.push((case, verdict));
    }
    context.remove_resources().await;
    println!("{}", table::text(&results));
    let not_asked: Vec<_> = SERVICES.into_iter().filter(|service| !wanted.iter().any(|name| name == service)).collect();
    if !not_asked.is_empty() {
        println!("not asked: {}", not_asked.join(", "));
    }
    if let Some(path) = markdown {
        std::fs::write(path, table::markdown(endpoint, &results))?;
    }
    Ok(!results.iter().any(|(_, verdict)| matches!(verdict, Verdict::Fail(_))))
}

fn verdict(error: &anyhow::Error) -> Verdict {
    const UNKNOWN: [&str; 5] =
        ["UnknownOperation", "InvalidAction", "NotImplemented", "UnsupportedOperation", "not yet implemented"];
    let text = format!("{error:#}");
    if UNKNOWN.iter().any(|word| text.contains(word)) { Verdict::Unsupported(text) } else { Verdict::Fail(text) }
}
