//! Reads paths out of Rust source, just well enough to see who names whom.
//!
//! Comments and literals are skipped; `use` trees, inline paths, `self` and `super` are resolved.
//! What it can't see: paths inside string attributes (`#[serde(with = "…")]`) and macros' output.

/// A path as written from the crate's root, the name it is bound to, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) bound_to: String,
    pub(crate) line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Ident(String),
    PathSep,
    Open,
    Close,
    Comma,
    Star,
    Other,
}

/// The identifiers of `source`, with their lines: no comments, no literals.
pub(crate) fn identifiers(source: &str) -> Vec<(String, usize)> {
    let ident = |(token, line)| match token {
        Token::Ident(name) => Some((name, line)),
        _ => None,
    };
    tokens(source).into_iter().filter_map(ident).collect()
}

/// Every path that starts at `crate`, `self` or `super`, seen from the crate's root.
/// `module` is the file's own module path.
pub(crate) fn paths(source: &str, module: &[&str]) -> Vec<Path> {
    let tokens = tokens(source);
    let mut here: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
    // One entry for each open brace: whether it is an inline module's.
    let mut braces = Vec::new();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].0 {
            Token::Ident(word) if word == "mod" && opens_module(&tokens[at..]) => {
                if let Token::Ident(name) = &tokens[at + 1].0 {
                    here.push(name.clone());
                }
                braces.push(true);
                at += 2;
            }
            Token::Ident(_) if at == 0 || tokens[at - 1].0 != Token::PathSep => {
                if let Some((start, next)) = root(&tokens, at, &here) {
                    tree(&tokens, next, &start, &mut found);
                }
            }
            Token::Open => braces.push(false),
            Token::Close if braces.pop() == Some(true) => {
                here.pop();
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Every `use` of a crate's root file, whatever it starts at: what the root re-exports, from where.
pub(crate) fn root_uses(source: &str) -> Vec<Path> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if tokens[at].0 == Token::Ident("use".to_owned()) {
            let (start, next) = root(&tokens, at + 1, &[]).unwrap_or((Vec::new(), at + 1));
            tree(&tokens, next, &start, &mut found);
        }
    }
    found
}

fn opens_module(tokens: &[(Token, usize)]) -> bool {
    matches!(tokens, [_, (Token::Ident(_), _), (Token::Open, _), ..])
}

/// If a path starts at `at` with `crate`, `self` or `super`: where that is, and what comes next.
fn root(tokens: &[(Token, usize)], mut at: usize, here: &[String]) -> Option<(Vec<String>, usize)> {
    let mut start = None;
    while let [(Token::Ident(word), _), (Token::PathSep, _), ..] = tokens.get(at..)? {
        start = match (word.as_str(), start) {
            ("crate", None) => Some(Vec::new()),
            ("self", None) => Some(here.to_vec()),
            ("super", from) => {
                let mut up = from.unwrap_or_else(|| here.to_vec());
                up.pop();
                Some(up)
            }
            (_, from) => return from.map(|start| (start, at)),
        };
        at += 2;
    }
    start.map(|start| (start, at))
}

/// Collects the leaves of the path or `use` tree at `at`; returns what comes after it.
fn tree(
    tokens: &[(Token, usize)],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<Path>,
) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.1);
    loop {
        match tokens.get(at).map(|token| &token.0) {
            Some(Token::Ident(name)) => segments.push(name.clone()),
            Some(Token::Star) => segments.push("*".to_owned()),
            Some(Token::Open) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.0 != Token::Close) {
                    // Always forward, whatever stands there.
                    at = tree(tokens, at, &segments, found).max(at + 1);
                    if tokens.get(at).is_some_and(|token| token.0 == Token::Comma) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.0 != Token::PathSep) {
            break;
        }
        at += 1;
    }
    let mut bound_to = segments.last().cloned().unwrap_or_default();
    if let Some([(Token::Ident(word), _), (Token::Ident(name), _)]) = tokens.get(at..at + 2)
        && word == "as"
    {
        bound_to.clone_from(name);
        at += 2;
    }
    if !segments.is_empty() {
        found.push(Path { segments, bound_to, line });
    }
    at
}

fn tokens(source: &str) -> Vec<(Token, usize)> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let rest = &text[at..];
        let (token, length) = match rest {
            ['/', '/', ..] => (None, until(rest, |rest| rest[0] == '\n')),
            ['/', '*', ..] => (None, block_comment(rest)),
            ['"', ..] => (None, string(rest)),
            ['\'', '\\', ..] => (None, 3 + until(&rest[3..], |rest| rest[0] == '\'') + 1),
            ['\'', _, '\'', ..] => (None, 3),
            ['r', '"' | '#', ..] | ['b' | 'c', 'r', '"' | '#', ..] if raw(rest).is_some() => {
                (None, raw(rest).unwrap_or(1))
            }
            [':', ':', ..] => (Some(Token::PathSep), 2),
            [first, ..] if first.is_alphanumeric() || *first == '_' => {
                let length = until(rest, |rest| !(rest[0].is_alphanumeric() || rest[0] == '_'));
                (Some(Token::Ident(rest[..length].iter().collect())), length)
            }
            [first, ..] if first.is_whitespace() => (None, 1),
            ['{', ..] => (Some(Token::Open), 1),
            ['}', ..] => (Some(Token::Close), 1),
            [',', ..] => (Some(Token::Comma), 1),
            ['*', ..] => (Some(Token::Star), 1),
            _ => (Some(Token::Other), 1),
        };
        tokens.extend(token.map(|token| (token, line)));
        let end = (at + length).min(text.len());
        line += text[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

/// How many characters until `stop` holds, or until the end.
fn until(text: &[char], stop: impl Fn(&[char]) -> bool) -> usize {
    (0..text.len()).find(|at| stop(&text[*at..])).unwrap_or(text.len())
}

fn block_comment(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of the raw string that starts here, if one does.
fn raw(text: &[char]) -> Option<usize> {
    let start = until(text, |rest| rest[0] == 'r') + 1;
    let hashes = until(&text[start..], |rest| rest[0] != '#');
    if text.get(start + hashes) != Some(&'"') {
        return None;
    }
    let body = start + hashes + 1;
    let ends = |rest: &[char]| {
        rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    Some(body + until(&text[body..], ends) + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str, module: &[&str]) -> Vec<String> {
        paths(source, module).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn use_trees_and_inline_paths_are_read() {
        let source = "use crate::{Error, store::{Json, self}, refresh as r};\n\
                      fn f(x: &crate::release::Ask) -> Vec<crate::page::Page<u8>> {}";
        assert_eq!(
            read(source, &["audit"]),
            ["Error", "store::Json", "store::self", "refresh", "release::Ask", "page::Page"]
        );
    }

    #[test]
    fn comments_strings_and_visibilities_name_nobody() {
        let source = r##"
            // crate::jobs::a
            /* crate::jobs::b /* crate::jobs::c */ crate::jobs::d */
            pub(crate) const A: &str = "crate::jobs::e \" crate::jobs::f";
            const B: &str = r#"crate::jobs::"g"#; const C: char = '"'; const D: char = '\'';
            fn real<'a>(x: &'a crate::store::Store) {}
        "##;
        assert_eq!(read(source, &["audit"]), ["store::Store"]);
    }

    #[test]
    fn super_is_resolved_through_files_and_inline_modules() {
        let file = ["audit", "writer"];
        assert_eq!(read("use super::chain;", &file), ["audit::chain"]);
        assert_eq!(read("use super::super::session::X;", &file), ["session::X"]);
        assert_eq!(
            read("mod tests { use super::*; fn f() { { super::super::g() } } } self::h();", &file),
            ["audit::writer::*", "audit::g", "audit::writer::h"]
        );
    }

    #[test]
    fn what_the_root_re_exports_is_known_by_its_home() {
        let found = root_uses("mod error;\npub use error::{Error, Kind as Sort};\n");
        let bound: Vec<_> =
            found.iter().map(|path| (path.bound_to.as_str(), path.segments[0].as_str())).collect();
        assert_eq!(bound, [("Error", "error"), ("Sort", "error")]);
    }
}
