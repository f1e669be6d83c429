//! Event patterns of event sources, as far as the template uses them: nested fields, exact values, `prefix` and
//! `exists`. What is not understood is refused, because a filter that is ignored hides what AWS would not deliver.

use serde_json::Value;

use super::TemplateError;

/// A pattern that a record must match.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Field);

#[derive(Debug, Clone, PartialEq)]
enum Field {
    /// Every named field matches.
    All(Vec<(String, Field)>),
    /// One of these holds.
    Any(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Is(Value),
    Prefix(String),
    Exists(bool),
}

impl Pattern {
    /// From the JSON text in `Pattern`.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let value = serde_json::from_str(text).map_err(|error| unknown(&format!("{text}: {error}")))?;
        field(value).map(Self)
    }

    /// Whether it lets the record through.
    pub fn matches(&self, record: &Value) -> bool {
        holds(&self.0, Some(record))
    }
}

fn field(value: Value) -> Result<Field, TemplateError> {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, inner)| Ok((name, field(inner)?)));
            fields.collect::<Result<_, _>>().map(Field::All)
        }
        Value::Array(tests) => tests.into_iter().map(test).collect::<Result<_, _>>().map(Field::Any),
        other => Err(unknown(&other.to_string())),
    }
}

fn test(value: Value) -> Result<Test, TemplateError> {
    let Value::Object(operators) = &value else { return Ok(Test::Is(value)) };
    let mut operators = operators.iter();
    match (operators.next(), operators.next()) {
        (Some((name, Value::String(prefix))), None) if name == "prefix" => Ok(Test::Prefix(prefix.clone())),
        (Some((name, Value::Bool(exists))), None) if name == "exists" => Ok(Test::Exists(*exists)),
        _ => Err(unknown(&value.to_string())),
    }
}

fn holds(field: &Field, value: Option<&Value>) -> bool {
    match field {
        Field::All(fields) => fields.iter().all(|(name, inner)| holds(inner, value.and_then(|value| value.get(name)))),
        Field::Any(tests) => tests.iter().any(|test| match test {
            Test::Is(wanted) => value == Some(wanted),
            Test::Prefix(prefix) => value.and_then(Value::as_str).is_some_and(|text| text.starts_with(prefix)),
            Test::Exists(wanted) => value.is_some() == *wanted,
        }),
    }
}

fn unknown(what: &str) -> TemplateError {
    TemplateError::Shape(format!("the local stack does not know this event pattern: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_fields_must_all_match_and_values_may_be_any() {
        let pattern = r#"{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"S#"}]}}}}"#;
        let pattern = Pattern::parse(pattern).unwrap();
        let record = |event: &str, pk: &str| json!({"eventName": event, "dynamodb": {"Keys": {"pk": {"S": pk}}}});
        assert!(pattern.matches(&record("INSERT", "S#1")));
        assert!(pattern.matches(&record("MODIFY", "S#2")));
        assert!(!pattern.matches(&record("REMOVE", "S#1")));
        assert!(!pattern.matches(&record("INSERT", "W#1")));
        assert!(!pattern.matches(&json!({"eventName": "INSERT"})));
    }

    #[test]
    fn absence_can_be_asked_for() {
        let pattern = Pattern::parse(r#"{"a":[{"exists":false}]}"#).unwrap();
        assert!(pattern.matches(&json!({})));
        assert!(!pattern.matches(&json!({"a": 1})));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [r#"{"a":[{"numeric":[">",1]}]}"#, r#"{"a":"b"}"#, r#"{"a":[{"prefix":"x","exists":true}]}"#, "{"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
