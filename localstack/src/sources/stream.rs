//! A DynamoDB stream as event source: in order, at least once, with a bound on retries after which a
//! batch goes to the dead letters. The position survives a restart.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::Sources;
use crate::engines::EngineError;
use crate::template::{StreamSource, arn};

const STREAMS: &str = "DynamoDBStreams_20120810";
/// Pause before the first retry; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) async fn run(sources: Sources, function: String, source: StreamSource) {
    let reader = Reader { sources, function, source };
    loop {
        if let Err(error) = reader.read().await {
            tracing::error!(function = reader.function, %error, "stream cannot be read; beginning again");
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }
}

struct Reader {
    sources: Sources,
    function: String,
    source: StreamSource,
}

impl Reader {
    async fn read(&self) -> Result<(), EngineError> {
        let (stream_arn, shard) = self.find_shard().await?;
        let mut written = self.sources.table_written.clone();
        let mut position = self.load_position().await;
        loop {
            // Seen before the read, so that a write during it wakes the wait below.
            written.borrow_and_update();
            let records = self.gather(&stream_arn, &shard, position.as_deref()).await?;
            let Some(last) = records.last().and_then(sequence) else {
                if written.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            };
            self.process(&stream_arn, records).await;
            self.store_position(&last).await;
            position = Some(last);
        }
    }

    async fn find_shard(&self) -> Result<(String, String), EngineError> {
        let listed = self.call("ListStreams", json!({ "TableName": self.source.table })).await?;
        let stream = listed["Streams"][0]["StreamArn"].as_str().unwrap_or_default().to_owned();
        let described = self.call("DescribeStream", json!({ "StreamArn": stream })).await?;
        let shard = described["StreamDescription"]["Shards"][0]["ShardId"].as_str().unwrap_or_default().to_owned();
        Ok((stream, shard))
    }

    /// What comes next; when that does not fill a batch, once more at the end of the window.
    async fn gather(&self, stream: &str, shard: &str, after: Option<&str>) -> Result<Vec<Value>, EngineError> {
        let records = self.records(stream, shard, after).await?;
        let waits = records.len() < self.source.batch_size && records.iter().any(|record| self.wants(record));
        if !waits || self.source.window.is_zero() {
            return Ok(records);
        }
        tokio::time::sleep(self.source.window).await;
        self.records(stream, shard, after).await
    }

    fn wants(&self, record: &Value) -> bool {
        let filters = &self.source.filters;
        filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
    }

    async fn records(&self, stream: &str, shard: &str, after: Option<&str>) -> Result<Vec<Value>, EngineError> {
        let mut request = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        if let Some(sequence) = after {
            request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
            request["SequenceNumber"] = json!(sequence);
        }
        let iterator = self.call("GetShardIterator", request).await?;
        let request = json!({ "ShardIterator": iterator["ShardIterator"], "Limit": self.source.batch_size });
        let mut answer = self.call("GetRecords", request).await?;
        let records = answer["Records"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(records)
    }

    /// Invokes until all that is wanted is through or given up, in order.
    async fn process(&self, stream: &str, mut records: Vec<Value>) {
        records.retain(|record| self.wants(record));
        for record in &mut records {
            record["eventSourceARN"] = json!(stream);
        }
        let mut batches = VecDeque::from([records]);
        while let Some(mut batch) = batches.pop_front() {
            if let Some(second_half) = self.deliver(stream, &mut batch).await {
                batches.push_front(second_half);
                batches.push_front(batch);
            }
        }
    }

    /// Invokes with one batch until it is through or given up, or answers the half that was split off.
    async fn deliver(&self, stream: &str, batch: &mut Vec<Value>) -> Option<Vec<Value>> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        while let Err(error) = self.invoke(batch).await {
            if self.source.bisects && batch.len() > 1 {
                tracing::warn!(
                    function = self.function,
                    error,
                    records = batch.len(),
                    "stream batch failed; splitting"
                );
                return Some(batch.split_off(batch.len() / 2));
            }
            attempt += 1;
            if attempt > self.source.retries {
                self.give_up(stream, batch, &error).await;
                return None;
            }
            tracing::warn!(function = self.function, error, attempt, "stream batch failed; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        None
    }

    /// One invocation; what it failed at stays in the batch.
    async fn invoke(&self, batch: &mut Vec<Value>) -> Result<(), String> {
        if batch.is_empty() {
            return Ok(());
        }
        let event = json!({ "Records": batch }).to_string();
        let result = self.sources.functions.invoke(&self.function, event.into()).await;
        let result = result.map_err(|error| error.to_string())?;
        match self.first_failed(&result, batch) {
            None => Ok(()),
            Some(index) => {
                batch.drain(..index);
                Err("the function reported a failed record".to_owned())
            }
        }
    }

    /// Where to go on when the function answers with `batchItemFailures`.
    fn first_failed(&self, result: &[u8], records: &[Value]) -> Option<usize> {
        if !self.source.reports_item_failures {
            return None;
        }
        let result: Value = serde_json::from_slice(result).unwrap_or_default();
        let failures = result["batchItemFailures"].as_array()?;
        let failed = |record: &Value| {
            sequence(record).is_some_and(|number| failures.iter().any(|failure| failure["itemIdentifier"] == number))
        };
        match records.iter().position(failed) {
            // A name that is none of ours means all of them, as on AWS.
            None if !failures.is_empty() => Some(0),
            position => position,
        }
    }

    async fn give_up(&self, stream: &str, records: &[Value], error: &str) {
        tracing::error!(function = self.function, error, records = records.len(), "stream batch given up");
        let Some(queue) = &self.source.dead_letters else { return };
        let letter = json!({
            "version": "1.0",
            "requestContext": {
                "functionArn": arn("lambda", &format!("function:{}", self.function)),
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": self.source.retries + 1,
            },
            "responseContext": { "functionError": error },
            "DDBStreamBatchInfo": {
                "batchSize": records.len(),
                "startSequenceNumber": records.first().and_then(sequence),
                "endSequenceNumber": records.last().and_then(sequence),
                "streamArn": stream,
            },
        });
        let sent = async {
            let url = self.sources.sqs.call("GetQueueUrl", &json!({ "QueueName": queue })).await?;
            let message = json!({ "QueueUrl": url["QueueUrl"], "MessageBody": letter.to_string() });
            self.sources.sqs.call("SendMessage", &message).await
        };
        if let Err(error) = sent.await {
            tracing::error!(queue, %error, "cannot send to the dead letters");
        }
    }

    async fn call(&self, operation: &str, body: Value) -> Result<Value, EngineError> {
        self.sources.dynamodb.call(&format!("{STREAMS}.{operation}"), &body).await
    }

    fn position_file(&self) -> Option<PathBuf> {
        self.sources.positions.as_ref().map(|folder| folder.join(format!("stream-{}", self.function)))
    }

    async fn load_position(&self) -> Option<String> {
        tokio::fs::read_to_string(self.position_file()?).await.ok()
    }

    async fn store_position(&self, sequence: &str) {
        let Some(file) = self.position_file() else { return };
        let fresh = file.with_extension("new");
        let written = async {
            tokio::fs::write(&fresh, sequence).await?;
            tokio::fs::rename(&fresh, &file).await
        };
        if let Err(error) = written.await {
            tracing::error!(%error, file = %file.display(), "stream position not kept: records will come again");
        }
    }
}

fn sequence(record: &Value) -> Option<String> {
    record["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned)
}
