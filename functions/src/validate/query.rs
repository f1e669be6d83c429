//! Query parameters, in all the forms that SDKs write them.
//!
//! Arrays repeat the key, or are separated by commas, or end the key in `[]`. Booleans are `true`, `false`, or as
//! Python spells them. Instants: see [`paddock_wire::api::timestamp`]. Unknown keys are ignored.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use http::request::Parts;
use paddock_model::time::Timestamp as Instant;
use paddock_wire::api::timestamp::Timestamp;
use percent_encoding::percent_decode_str;

use super::Problems;
use crate::error::ApiError;

/// The query as it came, decoded; reading a key notes what is wrong with it.
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    problems: Problems,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    /// Decodes a raw query.
    pub fn parse(raw: &str) -> Result<Self, ApiError> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        });
        Ok(Self { pairs: pairs.collect::<Result<_, ApiError>>()?, problems: Problems::default() })
    }

    /// All that was wrong with the keys read so far.
    pub fn finish(self) -> Result<(), ApiError> {
        self.problems.finish()
    }

    /// A text; empty counts as absent, and the last one counts.
    pub fn text(&self, key: &str) -> Option<&str> {
        let mut found = self.pairs.iter().rev().filter(|(name, value)| name == key && !value.is_empty());
        found.next().map(|(_, value)| value.as_str())
    }

    /// An integer within bounds.
    pub fn integer(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.text(key)?.parse().ok().filter(|number| range.contains(number));
        let reason = || format!("must be an integer from {} to {}", range.start(), range.end());
        self.problems.take(key, number.ok_or_else(reason))
    }

    /// A boolean.
    pub fn boolean(&mut self, key: &str) -> Option<bool> {
        let value = match self.text(key)? {
            "true" | "True" | "1" => Ok(true),
            "false" | "False" | "0" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        };
        self.problems.take(key, value)
    }

    /// An instant.
    pub fn instant(&mut self, key: &str) -> Option<Instant> {
        let value = self.text(key)?.parse::<Timestamp>().map_err(|reason| reason.to_string());
        self.problems.take(key, value).map(|it| it.0)
    }

    /// One of a set of words.
    pub fn word<T>(&mut self, key: &str, known: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.text(key)?;
        let found = known(value).ok_or_else(|| format!("does not know {value:?}"));
        self.problems.take(key, found)
    }

    /// Several words, each of a set; empty = absent.
    pub fn words<T>(&mut self, key: &str, known: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        for word in self.texts(key) {
            let value = known(&word).ok_or_else(|| format!("does not know {word:?}"));
            found.extend(self.problems.take(key, value));
        }
        found
    }

    /// Several texts.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let of_key = self.pairs.iter().filter(|(name, _)| name.strip_suffix("[]").unwrap_or(name) == key);
        of_key.flat_map(|(_, value)| value.split(',')).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// `labels`: a JSON object of strings.
    pub fn labels(&mut self) -> BTreeMap<String, String> {
        let Some(text) = self.text("labels") else { return BTreeMap::new() };
        let parsed = serde_json::from_str(text).map_err(|_| "must be a JSON object of strings".to_owned());
        self.problems.take("labels", parsed).unwrap_or_default()
    }
}

/// TypeScript writes a space as `+`; a bare `+` in the offset of an instant is repaired where instants are read.
fn decode(text: &str) -> Result<String, ApiError> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.map(Into::into).map_err(|_| ApiError::invalid("the query is not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::parse(raw).unwrap()
    }

    #[test]
    fn arrays_come_in_three_forms() {
        let wanted = vec!["a".to_owned(), "b".to_owned()];
        for raw in ["states=a&states=b", "states=a,b", "states[]=a&states[]=b", "states%5B%5D=a&states=b"] {
            assert_eq!(query(raw).texts("states"), wanted, "{raw}");
        }
        assert!(query("state=a").texts("states").is_empty());
    }

    #[test]
    fn booleans_are_strict_but_know_python() {
        let mut it = query("a=true&b=False&c=yes&d=");
        assert_eq!(
            (it.boolean("a"), it.boolean("b"), it.boolean("c"), it.boolean("d")),
            (Some(true), Some(false), None, None)
        );
        assert_eq!(it.finish(), Err(ApiError::invalid("c must be true or false")));
    }

    #[test]
    fn integers_stay_within_bounds() {
        for bad in ["0", "201", "-1", "1.0", "x", "99999999999999999999", "%31%00"] {
            let mut it = query(&format!("limit={bad}"));
            assert_eq!(it.integer("limit", 1..=200), None, "{bad}");
            assert!(it.finish().is_err(), "{bad}");
        }
        assert_eq!(query("limit=200").integer("limit", 1..=200), Some(200));
        assert_eq!(query("limit=").integer("limit", 1..=200), None);
    }

    #[test]
    fn instants_as_python_writes_them() {
        for raw in ["at=2026-01-01T00%3A00%3A00.000000%2B0000", "at=2026-01-01T00:00:00.000000+0000"] {
            assert_eq!(query(raw).instant("at"), Some(Instant(1_767_225_600_000)), "{raw}");
        }
    }

    #[test]
    fn labels_are_a_json_object_of_strings() {
        assert_eq!(query("labels=%7B%22a%22%3A%22b%22%7D").labels().len(), 1);
        for bad in ["labels=x", "labels=[]", "labels=%7B%22a%22%3A1%7D"] {
            let mut it = query(bad);
            it.labels();
            assert!(it.finish().is_err(), "{bad}");
        }
    }

    #[test]
    fn broken_utf8_is_refused() {
        assert!(Query::parse("name=%ff").is_err());
    }
}
