//! Instants as text: milliseconds and `Z` out, whatever an SDK writes in.

use std::borrow::Cow;
use std::fmt;

use paddock_model::time::Timestamp as Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An instant on the wire: `2026-01-01T00:00:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub Instant);

/// A text that is no instant in any form the SDKs write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTimestamp;

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a date and time such as 2026-01-01T00:00:00.000Z")
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        Self(instant)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = i128::from(self.0.0) * 1_000_000;
        let instant = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        f.write_str(&instant.format(&format).map_err(|_| fmt::Error)?)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Python writes six fraction digits and an offset without colon, or no offset at all (then UTC is meant);
    /// a `+` that was not percent-encoded arrives as a space.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let text = text.trim();
        let text = match text.rsplit_once(' ') {
            Some((instant, offset)) if instant.contains(['T', ' ']) => Cow::from(format!("{instant}+{offset}")),
            _ => Cow::from(text),
        };
        let text = text.replacen(' ', "T", 1);
        let instant = OffsetDateTime::parse(&text, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(&with_colon_in_offset(&text), &Rfc3339))
            .or_else(|_| parse_naive(&text).map(PrimitiveDateTime::assume_utc))
            .map_err(|_| InvalidTimestamp)?;
        let milliseconds = instant.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(milliseconds).map(|ms| Self(Instant(ms))).map_err(|_| InvalidTimestamp)
    }
}

/// `…+0000` → `…+00:00`; anything else unchanged.
fn with_colon_in_offset(text: &str) -> String {
    let at = text.len().saturating_sub(5);
    match text.get(at..) {
        Some(offset) if is_offset_without_colon(offset) => format!("{}:{}", &text[..at + 3], &text[at + 3..]),
        _ => text.to_owned(),
    }
}

/// A sign and four digits, no less: shorter texts have no place for a colon.
fn is_offset_without_colon(text: &str) -> bool {
    matches!(text.as_bytes(), [b'+' | b'-', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit))
}

fn parse_naive(text: &str) -> Result<PrimitiveDateTime, time::error::Parse> {
    let with_fraction = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond]");
    let without = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    PrimitiveDateTime::parse(text, &with_fraction).or_else(|_| PrimitiveDateTime::parse(text, &without))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error: InvalidTimestamp| de::Error::custom(error))
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_an_sdk_writes_is_read() {
        for text in [
            "2026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000+0000",
            "2026-01-01T00:00:00.000000 0000",
            "2026-01-01T02:30:00.000000+0230",
            "2025-12-31T19:00:00-05:00",
            "2026-01-01T00:00:00.000000",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00",
        ] {
            let read = text.parse::<Timestamp>().map(|t| t.to_string());
            assert_eq!(read.as_deref(), Ok("2026-01-01T00:00:00.000Z"), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "now", "2026-01-01", "2026-13-01T00:00:00Z", "1767225600", "2026-01-01T00:00:00+", "é+0000"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
        for text in ["+", "-", "+1", "-1", "+12", "-123", "+0000", " 1", "+ 1", "é1"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn it_is_written_with_milliseconds() {
        assert_eq!(Timestamp(Instant(1_767_225_600_007)).to_string(), "2026-01-01T00:00:00.007Z");
        assert_eq!(Timestamp(Instant(-1)).to_string(), "1969-12-31T23:59:59.999Z");
    }
}
