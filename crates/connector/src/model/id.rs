//! Ids as providers write them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest id, in bytes.
const MOST: usize = 1024;

/// A provider's own id of a record: 1 to 1024 bytes without control characters, never a step of a path
/// (`.`, `..`). Opaque: it is good for the connection that it came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Id(#[schemars(length(min = 1, max = 1024))] String);

impl Id {
    /// The id, if it is one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let sound = (1..=MOST).contains(&text.len())
            && !text.chars().any(char::is_control)
            && !crate::template::is_dots(&text);
        sound.then_some(Self(text))
    }

    /// As the provider writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).ok_or_else(|| {
            de::Error::custom("an id is a text of 1 to 1024 bytes, as a record's `id` says it")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_leads_elsewhere_is_none() {
        for bad in ["", ".", "..", "a\nb", &"x".repeat(1025)] {
            assert_eq!(Id::new(bad), None, "{bad:?}");
        }
        assert_eq!(Id::new("primary@example.com").unwrap().as_str(), "primary@example.com");
        let error = serde_json::from_str::<Id>("\"..\"").unwrap_err().to_string();
        assert!(error.contains("as a record's `id` says it"), "{error}");
    }
}
