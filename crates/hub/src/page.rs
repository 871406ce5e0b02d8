//! Cursor paging: `?cursor=&limit=`, oldest first, by id.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::{Error, Result};

/// What part of a list is asked for.
#[derive(Clone, Debug)]
pub struct PageQuery {
    after: Option<String>,
    limit: u64,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, oldest first.
    pub items: Vec<T>,
    /// What to ask with for the next part; none at the end.
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// The most items in one part.
    pub const MOST: u64 = 200;

    /// Checks a cursor and a limit (50 where it is left out).
    pub fn new(cursor: Option<String>, limit: Option<u64>) -> Result<Self> {
        let limit = limit.unwrap_or(50);
        if !(1..=Self::MOST).contains(&limit) {
            return Err(Error::invalid(
                "limit_invalid",
                format!("`limit` is a number from 1 to {}.", Self::MOST),
            ));
        }
        if cursor.as_ref().is_some_and(|text| text.len() > 64 || !text.is_ascii()) {
            return Err(Error::invalid(
                "cursor_invalid",
                "`cursor` is the `next_cursor` of the part before, unchanged.",
            ));
        }
        Ok(Self { after: cursor, limit })
    }

    /// What the cursor says to start after.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// One more than is asked for, to see whether there is a next part.
    pub fn fetch(&self) -> u64 {
        self.limit + 1
    }

    /// Narrows a query to this part, by an id column.
    pub fn apply<E: EntityTrait, C: ColumnTrait>(&self, query: Select<E>, id: C) -> Select<E> {
        let query = match &self.after {
            Some(after) => query.filter(id.gt(after.as_str())),
            None => query,
        };
        query.order_by_asc(id).limit(self.fetch())
    }

    /// Cuts the fetched rows to the part that was asked for.
    pub fn page<T>(&self, mut rows: Vec<T>, id: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(id) } else { None };
        Page { items: rows, next_cursor }
    }
}

impl<T> Page<T> {
    /// The same part with every item turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}
