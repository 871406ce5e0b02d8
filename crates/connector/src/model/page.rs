//! Lists, a page at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Error;

/// A page of a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// For the next page: give it as `cursor`. Null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page, and where the next one begins.
    pub fn new(items: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { items, next_cursor: next_cursor.filter(|cursor| !cursor.is_empty()) }
    }

    /// All there is.
    pub fn last(items: Vec<T>) -> Self {
        Self::new(items, None)
    }

    /// A page of a list that is counted: `from` is what the cursor said, and the next page begins a `step`
    /// later where there `is_more`.
    pub fn counted(items: Vec<T>, from: u64, step: u64, is_more: bool) -> Self {
        Self::new(items, is_more.then(|| (from + step).to_string()))
    }

    /// A page cut out of a list that the provider gives whole, from the record that the cursor counts to.
    pub fn cut(all: Vec<T>, from: u64, limit: Limit) -> Self {
        let (start, step) = (usize::try_from(from).unwrap_or(usize::MAX), limit.get() as usize);
        let is_more = all.len() > start.saturating_add(step);
        let items = all.into_iter().skip(start).take(step).collect();
        Self::counted(items, from, u64::from(limit.get()), is_more)
    }
}

/// Where a page begins: the `next_cursor` of the page before.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transparent)]
pub struct Cursor(#[schemars(length(min = 1, max = 4096))] String);

impl Cursor {
    /// As the page before said it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For providers that count pages or records; `first` where there is no cursor.
    pub fn count(cursor: Option<&Self>, first: u64) -> Result<u64, Error> {
        let Some(cursor) = cursor else { return Ok(first) };
        let wrong = || Error::input("cursor", "give the `next_cursor` of the page before");
        cursor.0.parse().map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let sound = (1..=4096).contains(&text.len()) && !text.chars().any(char::is_control);
        if !sound {
            return Err(de::Error::custom("give the `next_cursor` of the page before as `cursor`"));
        }
        Ok(Self(text))
    }
}

/// The most items on a page: 1 to 100, 25 where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(transparent)]
pub struct Limit(#[schemars(range(min = 1, max = 100))] u32);

impl Limit {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number, at most what the provider takes.
    pub fn at_most(self, most: u32) -> u32 {
        self.0.min(most)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(25)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            limit @ 1..=100 => Ok(Self(limit)),
            _ => Err(de::Error::custom("`limit` is from 1 to 100")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_from_1_to_100() {
        assert_eq!(Limit::default().get(), 25);
        assert_eq!(serde_json::from_str::<Limit>("100").unwrap().at_most(50), 50);
        for bad in ["0", "101", "-1", "\"5\""] {
            assert!(serde_json::from_str::<Limit>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_is_cut_out_of_a_whole_list() {
        let cut = |from, limit| {
            let page = Page::cut(vec!["a", "b", "c"], from, Limit(limit));
            (page.items, page.next_cursor)
        };
        assert_eq!(cut(0, 2), (vec!["a", "b"], Some("2".to_owned())));
        assert_eq!(cut(2, 2), (vec!["c"], None));
        assert_eq!(cut(0, 3), (vec!["a", "b", "c"], None));
        assert_eq!(cut(u64::MAX, 2), (vec![], None));
    }

    #[test]
    fn a_counted_list_goes_on_where_the_page_before_ended() {
        let page = Page::counted(vec!["a", "b"], 4, 2, true);
        let cursor: Cursor =
            serde_json::from_str(&format!("{:?}", page.next_cursor.unwrap())).unwrap();
        assert_eq!(Cursor::count(Some(&cursor), 0).unwrap(), 6);
        assert_eq!(Cursor::count(None, 1).unwrap(), 1);
        assert_eq!(Page::counted(vec!["a"], 4, 2, false).next_cursor, None);
        let strange: Cursor = serde_json::from_str("\"x\"").unwrap();
        assert!(Cursor::count(Some(&strange), 0).is_err());
    }
}
