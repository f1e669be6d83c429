//! Clients for the endpoint under test and the table, queues and bucket a run makes for itself.

use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
};

/// Clients and names of one run.
pub struct Context {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub streams: aws_sdk_dynamodbstreams::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub table: String,
    pub bucket: String,
    run: String,
    /// Which of the two were made; an endpoint without a service has neither.
    has_table: bool,
    has_bucket: bool,
}

/// AWS answers `CreateTable` long before the table is there; emulators do at once.
const TABLE_POLLS: u32 = 60;

impl Context {
    /// Makes what the wanted services need: a table, a bucket.
    pub async fn new(endpoint: &str, wanted: &[String]) -> anyhow::Result<Self> {
        // Answers must be seen as they come: no retries.
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .retry_config(aws_config::retry::RetryConfig::disabled());
        let config = match std::env::var("AWS_ACCESS_KEY_ID") {
            Ok(_) => config.load().await,
            Err(_) => {
                let test = aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "conformance");
                config.credentials_provider(test).region(aws_config::Region::new("us-east-1")).load().await
            }
        };
        let run = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let context = Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            streams: aws_sdk_dynamodbstreams::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            table: format!("paddock-conformance-{run}"),
            bucket: format!("paddock-conformance-{run}"),
            run,
            has_table: wanted.iter().any(|service| service == "dynamodb" || service == "streams"),
            has_bucket: wanted.iter().any(|service| service == "s3"),
        };
        if context.has_table {
            context.create_table().await.context("the run's table")?;
        }
        if context.has_bucket {
            context.s3.create_bucket().bucket(&context.bucket).send().await.context("the run's bucket")?;
        }
        Ok(context)
    }

    /// A name nothing else in this run has.
    pub fn name(&self, what: &str) -> String {
        format!("paddock-conformance-{}-{what}", self.run)
    }

    /// Primary key of an item: partition `what`, sort key `sk`.
    pub fn key(&self, what: &str, sk: &str) -> [(String, AttributeValue); 2] {
        [("pk".into(), text(what)), ("sk".into(), text(sk))]
    }

    /// A consistent read.
    pub async fn item(
        &self,
        what: &str,
        sk: &str,
    ) -> anyhow::Result<Option<std::collections::HashMap<String, AttributeValue>>> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        Ok(get.set_key(Some(self.key(what, sk).into())).send().await?.item)
    }

    /// Makes a queue of this run.
    pub async fn queue(&self, what: &str) -> anyhow::Result<String> {
        let made = self.sqs.create_queue().queue_name(self.name(what)).send().await?;
        made.queue_url.context("no QueueUrl")
    }

    async fn create_table(&self) -> anyhow::Result<()> {
        let text = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name("gsi1")
            .set_key_schema(Some(schema("g1pk", "g1sk")?))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()?;
        let stream =
            StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
        self.dynamodb
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(vec![text("pk")?, text("sk")?, text("g1pk")?, text("g1sk")?]))
            .set_key_schema(Some(schema("pk", "sk")?))
            .global_secondary_indexes(index)
            .stream_specification(stream.build()?)
            .send()
            .await?;
        for _ in 0..TABLE_POLLS {
            let described = self.dynamodb.describe_table().table_name(&self.table).send().await?;
            if described.table.and_then(|table| table.table_status) == Some(TableStatus::Active) {
                return Ok(());
            }
            // AWS has no event for a table becoming active.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("the table did not become active")
    }

    /// Removes what the run made; what cannot be removed is named.
    pub async fn remove_resources(&self) {
        if let Err(error) = self.try_remove().await {
            eprintln!("left behind {} (table, bucket or queues of that name): {error:#}", self.name(""));
        }
    }

    async fn try_remove(&self) -> anyhow::Result<()> {
        if self.has_table {
            self.dynamodb.delete_table().table_name(&self.table).send().await?;
        }
        let queues = self.sqs.list_queues().queue_name_prefix(self.name("")).send().await?;
        for url in queues.queue_urls() {
            self.sqs.delete_queue().queue_url(url).send().await?;
        }
        if self.has_bucket {
            let objects = self.s3.list_objects_v2().bucket(&self.bucket).send().await?;
            for key in objects.contents().iter().filter_map(|object| object.key()) {
                self.s3.delete_object().bucket(&self.bucket).key(key).send().await?;
            }
            self.s3.delete_bucket().bucket(&self.bucket).send().await?;
        }
        Ok(())
    }
}

fn schema(partition: &str, sort: &str) -> anyhow::Result<Vec<KeySchemaElement>> {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![key(partition, KeyType::Hash)?, key(sort, KeyType::Range)?])
}

/// A text attribute.
pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number attribute.
pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
