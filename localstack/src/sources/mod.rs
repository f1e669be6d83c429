//! What invokes functions besides HTTP: rules, streams, queues. One task per declared source.
//!
//! * [`schedule`] - EventBridge rules with a rate
//! * [`stream`] - DynamoDB streams
//! * [`queue`] - SQS queues

mod queue;
mod schedule;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engines::dynamodb::DynamoDb;
use crate::engines::sqs::Sqs;
use crate::lambda::Functions;
use crate::template::Template;

/// What the sources read from and call.
#[derive(Clone)]
pub struct Sources {
    /// DynamoDB.
    pub dynamodb: Arc<DynamoDb>,
    /// SQS.
    pub sqs: Arc<Sqs>,
    /// Functions.
    pub functions: Arc<Functions>,
    /// Changes after each write to a table.
    pub table_written: watch::Receiver<()>,
    /// Where stream positions are kept, if they are.
    pub positions: Option<PathBuf>,
}

impl Sources {
    /// Starts a task per source in `tasks`.
    pub fn start(&self, template: &Template, schedules: bool, tasks: &mut JoinSet<()>) {
        for function in &template.functions {
            if schedules {
                for schedule in &function.schedules {
                    tasks.spawn(schedule::run(self.functions.clone(), function.name.clone(), schedule.clone()));
                }
            }
            for source in &function.streams {
                tasks.spawn(stream::run(self.clone(), function.name.clone(), source.clone()));
            }
            for source in &function.queues {
                tasks.spawn(queue::run(self.clone(), function.name.clone(), source.clone()));
            }
        }
    }
}
