//! What the API shows of the hub's rows, and the parts of a list.

use std::collections::BTreeMap;

use base::{SecretString, Timestamp};
use connector::Sketch;
use hub::page::{Page, PageQuery};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Answer;

/// A time: RFC 3339, in UTC.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-24T12:00:00Z")]
#[serde(transparent)]
pub(super) struct Time(Timestamp);

impl Time {
    pub(super) fn of(millis: i64) -> Self {
        Self(Timestamp::from_millis(millis))
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// A request that would be sent.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestView {
    #[schema(example = "POST")]
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    /// JSON, or a form's fields by name.
    #[schema(value_type = Object)]
    body: Value,
}

impl From<Sketch> for RequestView {
    fn from(sketch: Sketch) -> Self {
        let Sketch { method, url, headers, body } = sketch;
        Self { method, url, headers, body }
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// The `next_cursor` of the part before.
    cursor: Option<String>,
    /// 1 to 200; 50 where it is left out.
    limit: Option<u64>,
}

impl Part {
    pub(super) fn query(self) -> Answer<PageQuery> {
        Ok(PageQuery::new(self.cursor, self.limit)?)
    }
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    /// Oldest first.
    items: Vec<T>,
    /// Ask with it for the next part; null at the end.
    next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(super) fn of<Row>(page: Page<Row>, view: impl FnMut(Row) -> T) -> Self {
        let page = page.map(view);
        Self { items: page.items, next_cursor: page.next_cursor }
    }
}

/// Something new and its slug.
#[derive(ToSchema)]
pub(super) struct WithSlug<T> {
    /// 1 to 64 of `a-z`, `0-9`, `-`; the workspace's own name for it.
    pub(super) slug: String,
    /// What it is set to.
    #[serde(flatten)]
    pub(super) settings: T,
}

/// By hand: serde's `flatten` would let unknown keys pass, and a misspelt key must not be ignored.
impl<'de, T: DeserializeOwned> Deserialize<'de> for WithSlug<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::deserialize(deserializer)?;
        let slug = match members.remove("slug") {
            Some(Value::String(slug)) => slug,
            Some(_) => return Err(D::Error::custom("`slug` must be text")),
            None => return Err(D::Error::missing_field("slug")),
        };
        let settings = serde_json::from_value(Value::Object(members)).map_err(D::Error::custom)?;
        Ok(Self { slug, settings })
    }
}

/// A secret in a request: read, never shown.
pub(super) struct Secret(pub(super) SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, so that no error repeats what was sent.
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text.into())),
            _ => Err(D::Error::custom("a secret must be text")),
        }
    }
}
