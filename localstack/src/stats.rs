//! Counters of what clients called, so that a benchmark can say "calls per create".

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// Everything counted since the start or the last reset.
#[derive(Debug, Default)]
pub struct Stats {
    counted: Mutex<Counted>,
}

/// A snapshot of the counters; the body of `GET /_paddock/stats`.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Counted {
    /// By operation name.
    pub dynamodb: BTreeMap<String, TableCalls>,
    /// By operation name.
    pub sqs: BTreeMap<String, Calls>,
    /// By method.
    pub s3: BTreeMap<String, Calls>,
    /// By function name.
    pub functions: BTreeMap<String, FunctionCalls>,
}

/// Calls of one operation.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Calls {
    /// All calls.
    pub calls: u64,
    /// Those answered with an error, injected faults included.
    pub errors: u64,
}

/// Calls of one DynamoDB operation.
#[derive(Debug, Default, Clone, Serialize)]
pub struct TableCalls {
    /// All calls.
    pub calls: u64,
    /// Those answered with an error (a failed condition is one).
    pub errors: u64,
    /// Those that met an injected fault.
    pub faults: u64,
    /// Capacity the engine reported; AWS also charges failed conditions, which it does not report.
    pub read_units: f64,
    /// As above, for writes.
    pub write_units: f64,
}

/// Invocations of one function.
#[derive(Debug, Default, Clone, Serialize)]
pub struct FunctionCalls {
    /// Finished invocations.
    pub invocations: u64,
    /// Those without a result: function errors, crashes, timeouts.
    pub errors: u64,
    /// From process start to its first question for work, newest last, in milliseconds.
    pub init_ms: Vec<f64>,
}

/// Only so many init durations are kept.
const INITS_KEPT: usize = 1_000;

impl Stats {
    /// Counters from zero.
    pub fn reset(&self) {
        *self.lock() = Counted::default();
    }

    /// What was counted.
    pub fn counted(&self) -> Counted {
        self.lock().clone()
    }

    pub(crate) fn dynamodb(&self, operation: &str, failed: bool, units: f64) {
        let mut counted = self.lock();
        let entry = counted.dynamodb.entry(operation.to_owned()).or_default();
        entry.calls += 1;
        entry.errors += u64::from(failed);
        match operation {
            "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems" => entry.read_units += units,
            _ => entry.write_units += units,
        }
    }

    pub(crate) fn dynamodb_fault(&self, operation: &str) {
        self.lock().dynamodb.entry(operation.to_owned()).or_default().faults += 1;
    }

    pub(crate) fn sqs(&self, operation: &str, failed: bool) {
        count(&mut self.lock().sqs, operation, failed);
    }

    pub(crate) fn s3(&self, method: &str, failed: bool) {
        count(&mut self.lock().s3, method, failed);
    }

    pub(crate) fn function_started(&self, function: &str, init: Duration) {
        let mut counted = self.lock();
        let inits = &mut counted.functions.entry(function.to_owned()).or_default().init_ms;
        if inits.len() == INITS_KEPT {
            inits.remove(0);
        }
        inits.push(init.as_secs_f64() * 1_000.0);
    }

    pub(crate) fn function_finished(&self, function: &str, succeeded: bool) {
        let mut counted = self.lock();
        let entry = counted.functions.entry(function.to_owned()).or_default();
        entry.invocations += 1;
        entry.errors += u64::from(!succeeded);
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(calls: &mut BTreeMap<String, Calls>, name: &str, failed: bool) {
    let entry = calls.entry(name.to_owned()).or_default();
    entry.calls += 1;
    entry.errors += u64::from(failed);
}
