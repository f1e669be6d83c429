//! CloudFormation's functions, with the values that hold on a laptop.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;

/// The account every local emulator reports.
pub const ACCOUNT: &str = "000000000000";
/// The region local clients are given.
pub const REGION: &str = "us-east-1";
const STACK: &str = "paddock";

/// An ARN in the local account.
pub fn arn(service: &str, resource: &str) -> String {
    match service {
        "s3" => format!("arn:aws:s3:::{resource}"),
        _ => format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"),
    }
}

pub(super) struct Resolver<'a> {
    document: &'a Value,
    parameters: &'a BTreeMap<String, Option<String>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(document: &'a Value, parameters: &'a BTreeMap<String, Option<String>>) -> Self {
        Self { document, parameters }
    }

    /// The value with every intrinsic function replaced. `AWS::NoValue` removes its key.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.resolve(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Value::Array(items))
            }
            Value::Object(object) => match intrinsic(object) {
                Some((name, argument)) => self.call(name, argument),
                None => self.resolve_object(object),
            },
            scalar => Ok(scalar.clone()),
        }
    }

    fn resolve_object(&self, object: &Map<String, Value>) -> Result<Value, TemplateError> {
        let mut resolved = Map::new();
        for (key, value) in object {
            let inner = self.resolve(value)?;
            if value.is_null() || !inner.is_null() {
                resolved.insert(key.clone(), inner);
            }
        }
        Ok(Value::Object(resolved))
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, TemplateError> {
        match name {
            "Ref" if argument == "AWS::NoValue" => Ok(Value::Null),
            "Ref" => self.reference(expect_text(argument, "Ref")?).map(Value::String),
            "Fn::GetAtt" => {
                let resource = expect_text(&argument[0], "Fn::GetAtt")?;
                self.attribute(resource, expect_text(&argument[1], "Fn::GetAtt")?).map(Value::String)
            }
            "Fn::Sub" => self.substitute(argument).map(Value::String),
            "Fn::Join" => {
                let separator = expect_text(&argument[0], "Fn::Join")?;
                let items = self.resolve(&argument[1])?;
                let texts: Vec<String> = items.as_array().into_iter().flatten().filter_map(scalar_text).collect();
                Ok(texts.join(separator).into())
            }
            "Fn::If" => {
                let condition = &self.document["Conditions"][expect_text(&argument[0], "Fn::If")?];
                self.resolve(if self.condition(condition)? { &argument[1] } else { &argument[2] })
            }
            other => Err(TemplateError::Shape(format!("the local stack does not know the function {other}"))),
        }
    }

    fn condition(&self, condition: &Value) -> Result<bool, TemplateError> {
        if let Some(sides) = condition["Fn::Equals"].as_array() {
            return Ok(self.resolve(&sides[0])? == self.resolve(&sides[1])?);
        }
        if let Some(negated) = condition["Fn::Not"].as_array() {
            return Ok(!self.condition(&negated[0])?);
        }
        Err(TemplateError::Shape(format!("unknown condition {condition}")))
    }

    fn reference(&self, name: &str) -> Result<String, TemplateError> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone().unwrap_or_else(|| format!("<parameter {name}>")));
        }
        Ok(match name {
            "AWS::Region" => REGION.into(),
            "AWS::AccountId" => ACCOUNT.into(),
            "AWS::Partition" => "aws".into(),
            "AWS::StackName" => STACK.into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            resource => self.physical_name(resource)?,
        })
    }

    /// What `Ref` gives for a resource: its name as declared, else one made from the stack's.
    fn physical_name(&self, logical_id: &str) -> Result<String, TemplateError> {
        let resource = &self.document["Resources"][logical_id];
        if resource.is_null() {
            return Err(TemplateError::Shape(format!("{logical_id} is neither a parameter nor a resource")));
        }
        let declared = ["TableName", "QueueName", "BucketName", "FunctionName"]
            .iter()
            .map(|key| &resource["Properties"][key])
            .find(|name| !name.is_null());
        match declared {
            Some(name) => scalar_text(&self.resolve(name)?)
                .ok_or_else(|| TemplateError::Shape(format!("the name of {logical_id} is not text"))),
            None => Ok(format!("{STACK}-{logical_id}").to_lowercase()),
        }
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<String, TemplateError> {
        let name = self.physical_name(logical_id)?;
        let kind = self.document["Resources"][logical_id]["Type"].as_str().unwrap_or_default();
        Ok(match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => arn("dynamodb", &format!("table/{name}")),
            ("AWS::DynamoDB::Table", "StreamArn") => arn("dynamodb", &format!("table/{name}/stream/local")),
            ("AWS::SQS::Queue", "Arn") => arn("sqs", &name),
            ("AWS::SQS::Queue", "QueueName") => name,
            ("AWS::S3::Bucket", "Arn") => arn("s3", &name),
            ("AWS::Serverless::Function", "Arn") => arn("lambda", &format!("function:{name}")),
            _ => format!("<{attribute} of {name}>"),
        })
    }

    fn substitute(&self, argument: &Value) -> Result<String, TemplateError> {
        let (pattern, own) = match argument {
            Value::Array(parts) => (expect_text(&parts[0], "Fn::Sub")?, self.resolve(&parts[1])?),
            other => (expect_text(other, "Fn::Sub")?, Value::Null),
        };
        let mut result = String::new();
        let mut rest = pattern;
        while let Some(start) = rest.find("${") {
            result.push_str(&rest[..start]);
            let end =
                rest[start..].find('}').ok_or_else(|| TemplateError::Shape(format!("unclosed ${{ in {pattern}")))?;
            let name = &rest[start + 2..start + end];
            result.push_str(&self.substitution(name, &own)?);
            rest = &rest[start + end + 1..];
        }
        result.push_str(rest);
        Ok(result)
    }

    fn substitution(&self, name: &str, own: &Value) -> Result<String, TemplateError> {
        if let Some(literal) = name.strip_prefix('!') {
            return Ok(format!("${{{literal}}}"));
        }
        if let Some(value) = scalar_text(&own[name]) {
            return Ok(value);
        }
        match name.split_once('.') {
            Some((resource, attribute)) => self.attribute(resource, attribute),
            None => self.reference(name),
        }
    }
}

fn intrinsic(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next()?;
    (object.len() == 1 && (name == "Ref" || name.starts_with("Fn::"))).then_some((name, argument))
}

fn expect_text<'v>(value: &'v Value, function: &str) -> Result<&'v str, TemplateError> {
    value.as_str().ok_or_else(|| TemplateError::Shape(format!("{function} needs text, not {value}")))
}

/// Text of a scalar as CloudFormation would pass it on; nothing for mappings and null.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
