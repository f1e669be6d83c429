//! All functions of the template, by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{FunctionSpec, InvokeError, Pool};
use crate::stats::Stats;
use crate::template::{Function, Template};

/// Settings that hold for every function of the stack.
pub struct Placement<'a> {
    /// Where the programs are.
    pub programs: &'a Path,
    /// Endpoint the functions' AWS clients use.
    pub endpoint: &'a str,
    /// Most processes per function, unless the template reserves fewer.
    pub concurrency: usize,
    /// A process not used for this long ends.
    pub idle_limit: Duration,
}

/// All functions.
pub struct Functions {
    pools: BTreeMap<String, Pool>,
}

impl Functions {
    /// Functions of the template; no process starts yet.
    pub fn new(
        template: &Template,
        placement: &Placement<'_>,
        stats: &Arc<Stats>,
        closing: &CancellationToken,
    ) -> Self {
        let pool = |function: &Function| Pool::new(spec(function, placement), stats.clone(), closing.clone());
        let pools = template.functions.iter().map(|function| (function.name.clone(), pool(function))).collect();
        Self { pools }
    }

    /// A function by name or ARN.
    pub fn get(&self, name: &str) -> Option<&Pool> {
        let name = name.rsplit("function:").next().unwrap_or(name);
        self.pools.get(name.split(':').next().unwrap_or(name))
    }

    /// Runs one invocation of the named function.
    pub async fn invoke(&self, name: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        match self.get(name) {
            Some(pool) => pool.invoke(payload).await,
            None => Err(InvokeError::UnknownFunction(name.to_owned())),
        }
    }

    /// Names with settings.
    pub fn iter(&self) -> impl Iterator<Item = &FunctionSpec> {
        self.pools.values().map(Pool::spec)
    }
}

fn spec(function: &Function, placement: &Placement<'_>) -> FunctionSpec {
    let mut environment = function.environment.clone();
    environment.insert("AWS_ENDPOINT_URL".into(), placement.endpoint.into());
    let directory = placement.programs;
    FunctionSpec {
        name: function.name.clone(),
        handler: function.handler.clone(),
        // `cargo build` leaves `<dir>/<program>`; a package for AWS has `<dir>/<program>/bootstrap`.
        programs: vec![directory.join(&function.program), directory.join(&function.program).join("bootstrap")],
        environment,
        timeout: function.timeout,
        memory_mib: function.memory_mib,
        concurrency: function.reserved_concurrency.unwrap_or(placement.concurrency).max(1),
        idle_limit: placement.idle_limit,
    }
}
