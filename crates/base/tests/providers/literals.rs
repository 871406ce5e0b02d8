//! The texts of Rust source, just well enough: comments and characters are skipped.

/// Every string literal as it is written, with its line.
pub(crate) fn of(source: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let before = &rest[..at];
        let here = &rest[at..];
        let line = source[..source.len() - here.len()].matches('\n').count() + 1;
        let (skipped, text) = if here.starts_with("//") {
            (here.find('\n').unwrap_or(here.len()), None)
        } else if here.starts_with("/*") {
            (here.find("*/").map_or(here.len(), |end| end + 2), None)
        } else if here.starts_with('"') {
            literal(before, here)
        } else if here.starts_with('\'') {
            (character(here), None)
        } else {
            (1, None)
        };
        found.extend(text.map(|text| (text, line)));
        rest = &here[skipped..];
    }
    found
}

/// How long the literal is that begins here, and its text.
fn literal(before: &str, here: &str) -> (usize, Option<String>) {
    let hashes = before.len() - before.trim_end_matches('#').len();
    let raw = before[..before.len() - hashes].ends_with('r');
    if raw {
        let close = format!("\"{}", "#".repeat(hashes));
        let end = here[1..].find(&close).map_or(here.len() - 1, |end| end);
        return ((end + 1 + close.len()).min(here.len()), Some(here[1..=end].to_owned()));
    }
    let mut escaped = false;
    for (at, c) in here.char_indices().skip(1) {
        match c {
            '"' if !escaped => return (at + 1, Some(here[1..at].to_owned())),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (here.len(), None)
}

/// How long the character is that begins here; a lifetime has only its quote.
fn character(here: &str) -> usize {
    let mut chars = here.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}
