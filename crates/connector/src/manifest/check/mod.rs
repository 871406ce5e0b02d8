//! Whether a manifest is sound: all that can be known before it is used.

mod assertion;
mod credential;
mod grant;
mod oauth1;
mod parts;
mod reach;
mod requests;
mod session;
mod signals;
mod urls;

use std::{collections::BTreeSet, fmt};

use http::{HeaderName, HeaderValue};

use super::{Input, InputKind, Manifest, Needs, ScopeSpec};
use crate::{Action, allow, input, matcher};

pub(crate) use urls::{is_one_label, names_a_host};

/// The most inputs of a manifest.
const MOST_INPUTS: usize = 20;
/// The most scopes of a manifest, and patterns of one scope.
const MOST_SCOPES: usize = 500;
const MOST_ALLOWS: usize = 200;
/// The most entries of any other list or table.
const MOST_ENTRIES: usize = 50;

/// What is wrong with a manifest, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(String);

impl ManifestError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// With the line and column, from 1.
    pub(crate) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
            return Self(error.message().to_owned());
        };
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self(format!("line {line}, column {column}: {}", error.message()))
    }

    fn at(place: &str, message: impl fmt::Display) -> Self {
        Self(format!("`{place}`: {message}"))
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ManifestError {}

type Checked = Result<(), ManifestError>;

/// Refuses with a message unless it holds.
fn must(holds: bool, place: &str, message: impl fmt::Display) -> Checked {
    if holds { Ok(()) } else { Err(ManifestError::at(place, message)) }
}

pub(super) fn check(manifest: &Manifest) -> Checked {
    names(manifest)?;
    inputs(manifest)?;
    urls::check(manifest)?;
    parts::check(manifest)?;
    assertion::check(manifest)?;
    oauth1::check(manifest)?;
    grant::check(manifest)?;
    session::check(manifest)?;
    scopes(manifest)?;
    actions(manifest)
}

fn actions(manifest: &Manifest) -> Checked {
    for (name, needs) in &manifest.actions {
        let place = format!("actions.{}", name.chars().take(60).collect::<String>());
        must(Action::named(name).is_some(), &place, "there is no such action")?;
        let unknown = needs.names().into_iter().find(|name| manifest.scope(name).is_none());
        let message = || format!("`{}` is not among the scopes", unknown.unwrap_or_default());
        must(unknown.is_none(), &place, message())?;
        let nothing = matches!(needs, Needs::Any { any_of } if any_of.is_empty());
        must(!nothing, &place, "`any_of` lists at least one scope")?;
    }
    Ok(())
}

fn names(manifest: &Manifest) -> Checked {
    let slug = |text: &str| {
        (1..=64).contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    must(slug(&manifest.slug), "slug", "write 1 to 64 of a-z, 0-9 and -, such as `my-crm`")?;
    must(slug(&manifest.category), "category", "write one lower-case word, such as `crm`")?;
    line("display_name", &manifest.display_name, 100)?;
    manifest.facts.as_ref().map_or(Ok(()), |facts| {
        must(urls::is_day(&facts.checked), "facts.checked", "write a day: 2026-12-31")
    })
}

/// A text for people: one line, not empty, bounded.
fn line(place: &str, text: &str, most: usize) -> Checked {
    let count = text.chars().count();
    let sound = (1..=most).contains(&count) && !text.chars().any(char::is_control);
    must(sound, place, format!("write one line of 1 to {most} characters"))
}

/// A name of a parameter, a path in a reply.
fn word(place: &str, text: &str) -> Checked {
    let sound = (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    must(sound, place, "write 1 to 200 visible ASCII characters, without spaces")
}

fn at_most(place: &str, count: usize, most: usize) -> Checked {
    must(
        count <= most,
        place,
        format!("{count} entries are more than the {most} that there may be"),
    )
}

/// What templates call an input or captured value.
fn variable(place: &str, name: &str) -> Checked {
    let sound = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    must(sound, place, "write a name such as `sub_domain`: a-z, 0-9, _, at most 40, a letter first")
}

fn header(place: &str, name: &str, value: &str) -> Checked {
    let known = HeaderName::try_from(name)
        .map_err(|_| ManifestError::at(place, "this is no header's name"))?;
    let ours =
        ["host", "content-length", "transfer-encoding", "connection", "cookie", "authorization"];
    must(!ours.contains(&known.as_str()), place, "this header is set by the hub")?;
    must(HeaderValue::try_from(value).is_ok(), place, "this is no header's value")
}

fn inputs(manifest: &Manifest) -> Checked {
    at_most("inputs", manifest.inputs.len(), MOST_INPUTS)?;
    let mut seen = BTreeSet::new();
    for input in &manifest.inputs {
        let place = format!("inputs.{}", input.name.chars().take(40).collect::<String>());
        variable(&place, &input.name)?;
        must(seen.insert(&input.name), &place, "there are two of this name")?;
        must(
            !manifest.token.capture.contains_key(&input.name),
            &place,
            "token.capture has this name too",
        )?;
        must(
            !manifest.callback.capture.contains_key(&input.name),
            &place,
            "callback.capture has this name too",
        )?;
        one_input(manifest, input, &place)?;
    }
    Ok(())
}

/// Whether a pattern is for the whole of a value.
fn anchored(place: &str, pattern: &str) -> Checked {
    let anchored = pattern.starts_with('^') && pattern.ends_with('$') && !pattern.ends_with("\\$");
    must(anchored, place, "anchor the pattern: ^…$")?;
    must(pattern.len() <= 500, place, "the pattern has more than 500 bytes")?;
    matcher::compile(pattern)
        .map(drop)
        .map_err(|error| ManifestError::at(place, format!("the pattern does not compile: {error}")))
}

/// What an address goes on with.
fn suffix(input: &Input, place: &str) -> Checked {
    let of_an_address = !input.secret && input.kind == InputKind::Text && input.one_of.is_empty();
    let sound = |suffix: &str| {
        let ascii =
            suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/".contains(&byte));
        (2..=100).contains(&suffix.len()) && ascii && suffix.starts_with(['.', '-', '/'])
    };
    must(
        input.suffix.as_deref().is_none_or(|suffix| of_an_address && sound(suffix)),
        place,
        "a suffix stands behind an open text: `.example.com`",
    )
}

fn one_input(manifest: &Manifest, input: &Input, place: &str) -> Checked {
    line(place, &input.label, 100)?;
    input.help.as_deref().map_or(Ok(()), |help| line(place, help, 500))?;
    at_most(place, input.one_of.len(), MOST_ENTRIES)?;
    input.pattern.as_deref().map_or(Ok(()), |pattern| anchored(place, pattern))?;
    suffix(input, place)?;
    must(
        input.kind != InputKind::Region || !input.one_of.is_empty(),
        place,
        "a region lists its values in `enum`",
    )?;
    if input.secret {
        must(
            manifest.auth.kind.is_filled_in(),
            place,
            "an OAuth provider has no secret inputs: its secrets belong to the client",
        )?;
        must(
            input.default.is_none() && input.one_of.is_empty(),
            place,
            "a secret has no default and no `enum`",
        )?;
    }
    for value in input.one_of.iter().chain(&input.default) {
        input::check_one(input, value).map_err(|error| {
            ManifestError::at(place, format!("its own value `{value}` does not fit: {error}"))
        })?;
    }
    Ok(())
}

fn scopes(manifest: &Manifest) -> Checked {
    at_most("scopes", manifest.scopes.len(), MOST_SCOPES)?;
    let mut seen = BTreeSet::new();
    for scope in &manifest.scopes {
        let place = format!("scopes.{}", scope.name.chars().take(60).collect::<String>());
        must(seen.insert(&scope.name), &place, "there are two of this name")?;
        one_scope(manifest, scope, &place)?;
    }
    let authorize = &manifest.authorize;
    for scope in authorize.offline_scopes.iter().chain(&authorize.default_scopes) {
        scope_name(manifest, "authorize", scope)?;
    }
    let unknown = authorize.default_scopes.iter().find(|name| {
        !manifest.scopes.is_empty()
            && !seen.contains(name)
            && !authorize.offline_scopes.contains(name)
    });
    match unknown {
        Some(name) => Err(ManifestError::at(
            "authorize.default_scopes",
            format!(
                "`{name}` is not among the scopes; add it with a title, so that a person can be told"
            ),
        )),
        None => Ok(()),
    }
}

fn scope_name(manifest: &Manifest, place: &str, name: &str) -> Checked {
    let separator = &manifest.authorize.scope_separator;
    line(place, name, 300)?;
    must(!name.contains(separator.as_str()), place, "the name has the separator of scopes in it")
}

fn one_scope(manifest: &Manifest, scope: &ScopeSpec, place: &str) -> Checked {
    scope_name(manifest, place, &scope.name)?;
    line(place, &scope.title, 200)?;
    at_most(place, scope.allows.len(), MOST_ALLOWS)?;
    for pattern in &scope.allows {
        must(
            allow::is_pattern(pattern),
            place,
            format!("`{pattern}`: write a method and a path, such as `GET /contacts/*`"),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod oauth1_tests;
#[cfg(test)]
mod tests;
