//! Names that people choose, and their bounds.

use crate::{Error, Result};

/// Whether `text` can be a slug: 1 to 64 of `a-z`, `0-9`, `-`, starting and ending with neither `-`.
pub(crate) fn check(text: &str) -> Result<()> {
    let of_slug = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = (1..=64).contains(&text.len())
        && text.bytes().all(of_slug)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if good {
        return Ok(());
    }
    Err(Error::invalid(
        "slug_invalid",
        "A slug is 1 to 64 characters of a-z, 0-9 and -, and does not start or end with -.",
    ))
}

/// Whether `text` can be a name for people: 1 to 200 characters, no control characters.
pub(crate) fn check_name(text: &str) -> Result<()> {
    if (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid("name_invalid", "A name is 1 to 200 characters without control characters."))
}
