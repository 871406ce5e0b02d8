//! Lists, a page at a time.

use serde::{Deserialize, Serialize};

use super::error::Error;

const USUAL: usize = 20;
const MOST: usize = 100;

/// What part of a list is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    query: Option<String>,
    /// 1 to 100.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// A page.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

/// Something in a list.
pub(super) trait Listed: Clone {
    fn id(&self) -> &str;
    /// Whether this word, in lower case, is found in it.
    fn holds(&self, word: &str) -> bool;
}

/// Whether any of `texts` holds the word.
pub(super) fn any_holds(texts: &[&str], word: &str) -> bool {
    texts.iter().any(|text| text.to_lowercase().contains(word))
}

impl Part {
    /// This part of `all`.
    pub(super) fn of<T: Listed>(&self, all: &[T]) -> Result<Page<T>, Error> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Error::input("limit must be between 1 and 100"));
        }
        let query = self.query.as_deref().unwrap_or_default();
        if query.len() > 200 {
            return Err(Error::input("query must have at most 200 bytes"));
        }
        let words: Vec<_> = query.split_whitespace().map(str::to_lowercase).collect();
        // A cursor is the last id that was shown.
        let from = match &self.cursor {
            None => 0,
            Some(cursor) => {
                let at = all.iter().position(|item| item.id() == cursor);
                at.ok_or_else(|| Error::input("cursor is not one of this list"))? + 1
            }
        };
        let mut found = all[from..].iter().filter(|item| words.iter().all(|word| item.holds(word)));
        let items: Vec<_> = found.by_ref().take(limit).cloned().collect();
        let next_cursor = found.next().and_then(|_| items.last()).map(|last| last.id().to_owned());
        Ok(Page { items, next_cursor })
    }
}
