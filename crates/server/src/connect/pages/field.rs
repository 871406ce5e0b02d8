//! What a person fills in.

use std::{iter::Peekable, str::Chars};

/// One answer that an app needs.
pub(crate) struct Field {
    /// What it is posted as; also part of ids: `a-z`, `0-9`, `_`, `-`.
    pub(crate) name: String,
    /// What the form says.
    pub(crate) label: String,
    /// Where to find it.
    pub(crate) help: Option<String>,
    /// Whether it is masked, and not filled in again.
    pub(crate) secret: bool,
    /// Whether it can't be left out.
    pub(crate) required: bool,
    /// Whether a whole URL is expected.
    pub(crate) url: bool,
    /// The manifest's anchored regular expression, as Rust's `regex` reads it.
    pub(crate) pattern: Option<String>,
    /// What the address goes on with, shown behind the field.
    pub(crate) suffix: Option<String>,
    /// The only values there are; empty = any.
    pub(crate) options: Vec<String>,
    /// What stands there already. Not shown where `secret`.
    pub(crate) value: String,
    /// In characters.
    pub(crate) max_length: usize,
    /// What is wrong with the last answer.
    pub(crate) problem: Option<String>,
}

impl Field {
    pub(super) fn kind(&self) -> &'static str {
        match (self.secret, self.url) {
            (true, _) => "password",
            (_, true) => "url",
            _ => "text",
        }
    }

    pub(super) fn html_pattern(&self) -> Option<String> {
        let bare = html_pattern(self.pattern.as_deref()?)?;
        let Some(suffix) = &self.suffix else { return Some(bare) };
        // The server takes a whole address apart.
        let suffix: String = suffix
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' { c.to_string() } else { format!(r"\{c}") }
            })
            .collect();
        Some(format!(r"(?:https:\/\/)?(?:{bare})(?:{suffix})?\/?"))
    }
}

/// The same rule as HTML's `pattern`, or none where it can't be said there.
///
/// A browser compiles patterns with JavaScript's `v` flag, which wants more escapes inside `[…]` than
/// Rust does, fewer outside, and knows no inline flags. The server checks again, so a pattern that is
/// left out costs a round trip only; a wrong one would lock people out.
pub(super) fn html_pattern(pattern: &str) -> Option<String> {
    // HTML anchors by itself.
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let mut out = String::with_capacity(inner.len() + 8);
    let mut letters = inner.chars().peekable();
    let mut depth = 0_usize;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.push_str(&escaped(letters.next()?, false)?),
            '(' => {
                depth += 1;
                out.push('(');
                // Flags, names, look-around: nothing but plain groups is the same in both.
                if letters.next_if_eq(&'?').is_some() {
                    letters.next_if_eq(&':')?;
                    out.push_str("?:");
                }
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                out.push(')');
            }
            '[' => out.push_str(&class(&mut letters)?),
            // Anchors inside, or an alternative that only one of the anchors holds: another rule.
            '^' | '$' | ']' => return None,
            '|' if depth == 0 => return None,
            _ => out.push(letter),
        }
    }
    (depth == 0).then_some(out)
}

fn escaped(letter: char, in_class: bool) -> Option<String> {
    match letter {
        '-' if in_class => Some(r"\-".to_owned()),
        '-' | '_' | '@' => Some(letter.to_string()),
        _ if r"dDwWsS.*+?()[]{}|/^$\".contains(letter) => Some(format!(r"\{letter}")),
        _ => None,
    }
}

/// The rest of `[…]`.
fn class(letters: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut out = "[".to_owned();
    if letters.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    // Whether a range can begin with what stands last.
    let mut can_begin = false;
    let mut empty = true;
    loop {
        let letter = letters.next()?;
        let next = letters.peek().copied();
        let mut begins = letter.is_ascii_alphanumeric();
        match letter {
            ']' if !empty => break,
            // An empty class, or a class in a class.
            '[' | ']' => return None,
            '\\' => {
                out.push_str(&escaped(letters.next()?, true)?);
                begins = false;
            }
            '-' if empty || next == Some(']') => out.push_str(r"\-"),
            '-' => {
                let end = letters.next_if(char::is_ascii_alphanumeric).filter(|_| can_begin)?;
                out.extend(['-', end]);
            }
            '(' | ')' | '{' | '}' | '/' | '|' => out.extend(['\\', letter]),
            // `&&`, `~~` and their like are, or may become, operations on sets.
            _ if letter.is_ascii_punctuation() && next == Some(letter) => return None,
            _ => out.push(letter),
        }
        can_begin = begins;
        empty = false;
    }
    out.push(']');
    Some(out)
}
