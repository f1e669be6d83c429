//! In which order a list comes, and where one page of it ends.
//!
//! Ties are broken by id in the same direction, so that the order is total and a cursor names one place in it, also
//! when the sandbox it names is gone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use paddock_model::sandbox::Detail;

use crate::error::ApiError;
use crate::validate::query::Query;

/// What a list is sorted by: the fields of both forms of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    Id,
    Name,
    State,
    Snapshot,
    Region,
    Cpu,
    MemoryGib,
    DiskGib,
    UpdatedAt,
    LastActivityAt,
    CreatedAt,
}

/// A total order of sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListOrder {
    field: SortField,
    descending: bool,
}

/// A place in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    value: Value,
    id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Text(String),
}

impl ListOrder {
    /// Reads `sort` and `order`; descending unless told.
    pub fn read(query: &mut Query, default: SortField) -> Self {
        let field = query.word("sort", sort_field).unwrap_or(default);
        let descending = query.word("order", |word| ["asc", "desc"].contains(&word).then(|| word == "desc"));
        Self { field, descending: descending.unwrap_or(true) }
    }

    /// Sorts.
    pub fn sort(self, details: &mut [Detail]) {
        details.sort_by_cached_key(|detail| self.place(detail));
        if self.descending {
            details.reverse();
        }
    }

    /// This sandbox comes after the place.
    pub fn is_after(self, detail: &Detail, place: &Place) -> bool {
        let here = self.place(detail);
        if self.descending { here < *place } else { here > *place }
    }

    /// Names the place of this sandbox, for a later request with the same order.
    pub fn cursor(self, detail: &Detail) -> String {
        let Place { value, id } = self.place(detail);
        let (kind, value) = match value {
            Value::Number(number) => ("n", number.to_string()),
            Value::Text(text) => ("t", text),
        };
        URL_SAFE_NO_PAD.encode(format!("{:?} {} {kind}{id}{value}", self.field, self.descending))
    }

    /// The place that a cursor names.
    pub fn parse_cursor(self, cursor: &str) -> Result<Place, ApiError> {
        let text = URL_SAFE_NO_PAD.decode(cursor.trim_end_matches('=')).ok().and_then(|it| String::from_utf8(it).ok());
        let place = text.and_then(|text| {
            let rest = text.strip_prefix(&format!("{:?} {} ", self.field, self.descending))?;
            let (kind, rest) = rest.split_at_checked(1)?;
            let (id, value) = rest.split_at_checked(UUID_LENGTH)?;
            let value = match kind {
                "n" => Value::Number(value.parse().ok()?),
                "t" => Value::Text(value.to_owned()),
                _ => return None,
            };
            Some(Place { value, id: id.to_owned() })
        });
        place.ok_or_else(|| ApiError::invalid("cursor is not one that this list gave in this order"))
    }

    fn place(self, detail: &Detail) -> Place {
        let head = &detail.head;
        let id = head.id.to_string();
        let value = match self.field {
            SortField::Id => Value::Text(id.clone()),
            SortField::Name => Value::Text(head.name.clone()),
            SortField::State => Value::Text(head.state.as_str().to_owned()),
            SortField::Snapshot => Value::Text(detail.spec.snapshot_name.clone()),
            SortField::Region => Value::Text(head.region.clone()),
            SortField::Cpu => Value::Number(head.resources.cpu.into()),
            SortField::MemoryGib => Value::Number(head.resources.memory_gib.into()),
            SortField::DiskGib => Value::Number(head.resources.disk_gib.into()),
            SortField::UpdatedAt => Value::Number(head.updated_at.0),
            SortField::LastActivityAt => Value::Number(head.last_activity.0),
            SortField::CreatedAt => Value::Number(head.created_at.0),
        };
        Place { value, id }
    }
}

/// Length of an id's text.
const UUID_LENGTH: usize = 36;

fn sort_field(word: &str) -> Option<SortField> {
    Some(match word {
        "id" => SortField::Id,
        "name" => SortField::Name,
        "state" => SortField::State,
        "snapshot" => SortField::Snapshot,
        "region" => SortField::Region,
        "cpu" => SortField::Cpu,
        "memoryGib" => SortField::MemoryGib,
        "diskGib" => SortField::DiskGib,
        "updatedAt" => SortField::UpdatedAt,
        "lastActivityAt" => SortField::LastActivityAt,
        "createdAt" => SortField::CreatedAt,
        _ => return None,
    })
}
