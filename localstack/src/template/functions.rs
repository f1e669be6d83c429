//! Functions and what invokes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::intrinsics::scalar_text;
use super::{Pattern, TemplateError, text};

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Name of the resource in the template.
    pub logical_id: String,
    /// Name on AWS.
    pub name: String,
    /// Last part of `CodeUri`: the name of the program.
    pub program: String,
    /// `_HANDLER`.
    pub handler: String,
    /// Environment with every parameter and reference filled in.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Memory in MiB (told to the function; not enforced locally).
    pub memory_mib: u32,
    /// `ReservedConcurrentExecutions`, if declared.
    pub reserved_concurrency: Option<usize>,
    /// HTTP API routes.
    pub routes: Vec<Route>,
    /// Timed invocations.
    pub schedules: Vec<Schedule>,
    /// DynamoDB streams it reads.
    pub streams: Vec<StreamSource>,
    /// Queues it reads.
    pub queues: Vec<QueueSource>,
}

/// One route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `ANY` or an HTTP method.
    pub method: String,
    /// A path as API Gateway writes it: `/api/{proxy+}`, or `$default`.
    pub path: String,
}

/// A rule that fires at a fixed rate.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Logical id of the event.
    pub id: String,
    /// Time between two ticks.
    pub every: Duration,
    /// Constant input instead of the scheduled event, if declared.
    pub input: Option<Value>,
}

/// A table's stream as event source.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// Table whose stream it is.
    pub table: String,
    /// Most records in one invocation.
    pub batch_size: usize,
    /// How long records are gathered before an invocation that is not full.
    pub window: Duration,
    /// One of these must match a record; none = all records.
    pub filters: Vec<Pattern>,
    /// Whether a batch that failed is split in two.
    pub bisects: bool,
    /// How often a failing batch is tried again before it goes to the dead letters.
    pub retries: u32,
    /// Queue for batches given up.
    pub dead_letters: Option<String>,
    /// Whether the function may name the record it failed at.
    pub reports_item_failures: bool,
}

/// A queue as event source.
#[derive(Debug, Clone)]
pub struct QueueSource {
    /// Name of the queue.
    pub queue: String,
    /// Most messages in one invocation.
    pub batch_size: usize,
    /// Whether the function may name the messages it failed at.
    pub reports_item_failures: bool,
}

pub(super) fn function(id: &str, globals: &Value, properties: &Value) -> Result<Function, TemplateError> {
    let setting = |key: &str| if properties[key].is_null() { &globals[key] } else { &properties[key] };
    let mut environment = variables(globals);
    environment.extend(variables(properties));
    let code = text(properties, "CodeUri", id)?;
    let mut function = Function {
        logical_id: id.into(),
        name: scalar_text(&properties["FunctionName"]).unwrap_or_else(|| format!("paddock-{id}").to_lowercase()),
        program: code.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
        handler: scalar_text(setting("Handler")).unwrap_or_else(|| "bootstrap".into()),
        environment,
        timeout: Duration::from_secs(setting("Timeout").as_u64().unwrap_or(3)),
        memory_mib: setting("MemorySize").as_u64().and_then(|mib| u32::try_from(mib).ok()).unwrap_or(128),
        reserved_concurrency: setting("ReservedConcurrentExecutions")
            .as_u64()
            .and_then(|count| usize::try_from(count).ok()),
        routes: Vec::new(),
        schedules: Vec::new(),
        streams: Vec::new(),
        queues: Vec::new(),
    };
    for (event, body) in properties["Events"].as_object().into_iter().flatten() {
        add_event(&mut function, event, body)?;
    }
    Ok(function)
}

fn variables(section: &Value) -> BTreeMap<String, String> {
    let variables = section["Environment"]["Variables"].as_object();
    variables
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| scalar_text(value).map(|value| (key.clone(), value)))
        .collect()
}

fn add_event(function: &mut Function, id: &str, body: &Value) -> Result<(), TemplateError> {
    let properties = &body["Properties"];
    match body["Type"].as_str() {
        Some("HttpApi") => {
            let method = scalar_text(&properties["Method"]).unwrap_or_else(|| "ANY".into());
            let path = scalar_text(&properties["Path"]).unwrap_or_else(|| "$default".into());
            function.routes.push(Route { method: method.to_uppercase().replace('*', "ANY"), path });
        }
        Some("Schedule") => function.schedules.push(Schedule {
            id: id.into(),
            every: rate(&text(properties, "Schedule", id)?)?,
            input: properties["Input"].as_str().and_then(|input| serde_json::from_str(input).ok()),
        }),
        Some("DynamoDB") => function.streams.push(stream(id, properties)?),
        Some("SQS") => function.queues.push(QueueSource {
            queue: last_part(&text(properties, "Queue", id)?, ':'),
            batch_size: batch_size(properties, 10),
            reports_item_failures: reports_item_failures(properties),
        }),
        other => {
            return Err(TemplateError::Shape(format!("event {id} of {}: unknown type {other:?}", function.name)));
        }
    }
    Ok(())
}

/// All that a stream source may declare; what is not here would be ignored, and work differently on AWS.
const STREAM_PROPERTIES: [&str; 9] = [
    "Stream",
    "StartingPosition",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "FilterCriteria",
    "FunctionResponseTypes",
    "DestinationConfig",
];

fn stream(id: &str, properties: &Value) -> Result<StreamSource, TemplateError> {
    let mut declared = properties.as_object().into_iter().flat_map(|object| object.keys());
    if let Some(unknown) = declared.find(|key| !STREAM_PROPERTIES.contains(&key.as_str())) {
        return Err(TemplateError::Shape(format!("event {id}: the local stack does not know {unknown}")));
    }
    if properties["StartingPosition"] != "TRIM_HORIZON" {
        return Err(TemplateError::Shape(format!("event {id}: the local stack reads from TRIM_HORIZON only")));
    }
    let arn = text(properties, "Stream", id)?;
    let table = arn
        .split('/')
        .nth(1)
        .ok_or_else(|| TemplateError::Shape(format!("event {id}: {arn} is not a stream's ARN")))?;
    let retries = properties["MaximumRetryAttempts"].as_u64().and_then(|count| u32::try_from(count).ok());
    Ok(StreamSource {
        table: table.into(),
        batch_size: batch_size(properties, 100),
        window: Duration::from_secs(properties["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0)),
        filters: filters(properties)?,
        bisects: properties["BisectBatchOnFunctionError"] == true,
        // AWS retries until the record expires (24 h) when nothing is declared; a laptop does not.
        retries: retries.unwrap_or(10),
        dead_letters: scalar_text(&properties["DestinationConfig"]["OnFailure"]["Destination"])
            .map(|arn| last_part(&arn, ':')),
        reports_item_failures: reports_item_failures(properties),
    })
}

fn filters(properties: &Value) -> Result<Vec<Pattern>, TemplateError> {
    let filters = properties["FilterCriteria"]["Filters"].as_array();
    filters.into_iter().flatten().map(|filter| Pattern::parse(&text(filter, "Pattern", "a filter")?)).collect()
}

fn batch_size(properties: &Value, default: usize) -> usize {
    properties["BatchSize"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(default)
}

fn reports_item_failures(properties: &Value) -> bool {
    let types = properties["FunctionResponseTypes"].as_array();
    types.is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures"))
}

fn last_part(text: &str, separator: char) -> String {
    text.rsplit(separator).next().unwrap_or_default().to_owned()
}

/// `rate(5 minutes)` and the like; cron expressions are refused, the local ticker has none.
fn rate(expression: &str) -> Result<Duration, TemplateError> {
    let unknown = || TemplateError::Shape(format!("the local stack only knows rate(...), not {expression}"));
    let inner = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(unknown)?;
    let (count, unit) = inner.split_once(' ').ok_or_else(unknown)?;
    let count: u64 = count.parse().map_err(|_| unknown())?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return Err(unknown()),
    };
    Ok(Duration::from_secs(count * seconds))
}
