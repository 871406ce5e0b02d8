//! What is the same in every category: pages, ids, times, money.

mod id;
mod money;
mod page;
mod time;

pub use id::Id;
pub use money::Money;
pub use page::{Cursor, Limit, Page};
pub use time::{Date, DateTime};
