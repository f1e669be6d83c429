//! Reads `infra/template.yaml`, the one place where tables, queues, buckets, functions and their
//! event sources are declared, into plain types.
//!
//! * [`document`] - YAML with CloudFormation's short tags to JSON in long form
//! * [`intrinsics`] - `Ref`, `Fn::Sub`, `Fn::GetAtt`, `Fn::Join`, `Fn::If` with local values
//! * [`data`] - tables, queues, buckets
//! * [`functions`] - functions and what invokes them
//! * [`pattern`] - what an event source lets through
//!
//! The same types serve the local stack, which creates what they describe, and tests that compare
//! them with what the Rust code expects (drift that no emulator would notice).

mod data;
mod document;
mod functions;
mod intrinsics;
mod pattern;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use data::{Bucket, Index, KeySchema, Queue, Table};
pub use functions::{Function, QueueSource, Route, Schedule, StreamSource};
pub use intrinsics::{ACCOUNT, REGION, arn};
pub use pattern::Pattern;

/// Everything the local stack needs from the template.
#[derive(Debug, Clone)]
pub struct Template {
    /// Declared parameters: name to the value in force, if there is one.
    pub parameters: BTreeMap<String, Option<String>>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// SQS queues that exist before any code runs.
    pub queues: Vec<Queue>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// Lambda functions with their event sources.
    pub functions: Vec<Function>,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read the template {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not YAML, or not of the expected shape.
    #[error("template: {0}")]
    Shape(String),
    /// A value was given for a parameter that the template does not declare.
    #[error("the template declares no parameter {0}; it declares: {1}")]
    UnknownParameter(String, String),
}

impl Template {
    /// Parses with the parameters' defaults; those without a default stay in
    /// [`Template::missing_parameters`] and appear in values as `<parameter Name>`.
    pub fn parse(path: &Path) -> Result<Self, TemplateError> {
        Self::parse_with(path, &BTreeMap::new())
    }

    /// Parses with given values over the defaults.
    pub fn parse_with(path: &Path, given: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::from_text(&text, given)
    }

    /// Parses text.
    pub fn from_text(text: &str, given: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let document = document::to_json(text)?;
        let parameters = parameters(&document, given)?;
        let resolver = intrinsics::Resolver::new(&document, &parameters);
        let mut template = Self {
            parameters: parameters.clone(),
            tables: Vec::new(),
            queues: Vec::new(),
            buckets: Vec::new(),
            functions: Vec::new(),
        };
        let globals = resolver.resolve(&document["Globals"]["Function"])?;
        for (id, resource) in object(&document["Resources"], "Resources")? {
            let properties = resolver.resolve(&resource["Properties"])?;
            match resource["Type"].as_str() {
                Some("AWS::DynamoDB::Table") => template.tables.push(data::table(id, &properties)?),
                Some("AWS::SQS::Queue") => template.queues.push(data::queue(id, &properties)?),
                Some("AWS::S3::Bucket") => template.buckets.push(data::bucket(id, &properties)),
                Some("AWS::Serverless::Function") => {
                    template.functions.push(functions::function(id, &globals, &properties)?);
                }
                // Roles, log groups, the API itself: nothing for a laptop to create.
                _ => {}
            }
        }
        Ok(template)
    }

    /// Parameters that have neither a default nor a given value.
    pub fn missing_parameters(&self) -> Vec<&str> {
        self.parameters.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect()
    }

    /// The table with this logical id.
    pub fn table(&self, logical_id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.logical_id == logical_id)
    }

    /// The function with this name or logical id.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name || function.logical_id == name)
    }
}

fn parameters(
    document: &Value,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Option<String>>, TemplateError> {
    let empty = serde_json::Map::new();
    let declared = document["Parameters"].as_object().unwrap_or(&empty);
    for name in given.keys() {
        if !declared.contains_key(name) {
            let known = declared.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(TemplateError::UnknownParameter(name.clone(), known));
        }
    }
    let value =
        |name: &String, body: &Value| given.get(name).cloned().or_else(|| intrinsics::scalar_text(&body["Default"]));
    Ok(declared.iter().map(|(name, body)| (name.clone(), value(name, body))).collect())
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a serde_json::Map<String, Value>, TemplateError> {
    value.as_object().ok_or_else(|| TemplateError::Shape(format!("{what} is not a mapping")))
}

fn text(value: &Value, key: &str, of: &str) -> Result<String, TemplateError> {
    intrinsics::scalar_text(&value[key]).ok_or_else(|| TemplateError::Shape(format!("{of} has no {key}")))
}
