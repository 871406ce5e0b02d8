//! URL templates: secure, and leading nowhere else whatever is answered.

use std::collections::BTreeMap;

use time::{Date, format_description::BorrowedFormatItem, macros::format_description};
use url::Url;

use super::{
    Checked, ManifestError, at_most, must,
    reach::{self, is_allowed, literal_host},
};
use crate::{
    Input, InputKind, Manifest, input,
    manifest::{Alternative, UrlSpec},
    template,
};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// A URL template and where it stands.
struct Place<'a> {
    name: String,
    template: &'a str,
    /// Whether it is filled after linking, when captured values are known.
    late: bool,
}

/// What only `urls.revoke` may name, behind its host.
const OF_A_GRANT: [&str; 2] = ["token", "client_id"];

pub(super) fn check(manifest: &Manifest) -> Checked {
    for (name, spec) in specs(manifest) {
        if let UrlSpec::Dated(dated) = spec {
            must(is_day(&dated.valid_until), &name, "write `valid_until` as a day: 2026-12-31")?;
        }
    }
    alternatives(manifest)?;
    for place in templates(manifest) {
        one(manifest, &place)?;
    }
    if let Some(docs) = &manifest.docs_url {
        let sound = docs.len() <= 500 && Url::parse(docs).is_ok_and(|url| input::is_safe(&url));
        must(sound, "docs_url", "write a whole https:// URL")?;
    }
    reach::check(manifest)?;
    verify(manifest)?;
    identity(manifest)
}

/// Whether this is a day as ISO 8601 writes it.
pub(super) fn is_day(text: &str) -> bool {
    Date::parse(text, DAY).is_ok()
}

pub(super) fn specs(manifest: &Manifest) -> Vec<(String, &UrlSpec)> {
    let urls = &manifest.urls;
    let plain = [
        ("request_token", &urls.request_token),
        ("authorize", &urls.authorize),
        ("token", &urls.token),
        ("refresh", &urls.refresh),
        ("exchange", &urls.exchange),
        ("revoke", &urls.revoke),
        ("introspect", &urls.introspect),
        ("userinfo", &urls.userinfo),
    ];
    let plain = plain.into_iter().map(|(name, spec)| (format!("urls.{name}"), spec));
    let others = urls.alternatives.iter().flat_map(|other| {
        let specs = [
            ("request_token", &other.request_token),
            ("authorize", &other.authorize),
            ("token", &other.token),
            ("refresh", &other.refresh),
            ("revoke", &other.revoke),
            ("userinfo", &other.userinfo),
        ];
        specs.into_iter().map(|(name, spec)| (format!("urls.alternatives.{name}"), spec))
    });
    plain.chain(others).filter_map(|(name, spec)| Some((name, spec.as_ref()?))).collect()
}

/// Where the API may be.
pub(super) fn bases(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let others = manifest.urls.alternatives.iter().filter_map(|other| other.api.as_deref());
    manifest.api.base.as_deref().into_iter().chain(others)
}

fn templates(manifest: &Manifest) -> Vec<Place<'_>> {
    let mut all = Vec::new();
    for (name, spec) in specs(manifest) {
        for template in spec.all() {
            all.push(Place { name: name.clone(), template, late: false });
        }
    }
    let place = |name: &str, template, late| Place { name: name.to_owned(), template, late };
    all.extend(manifest.issuer.as_deref().map(|template| place("issuer", template, false)));
    all.extend(bases(manifest).map(|template| place("api.base", template, true)));
    let identity = manifest.identity.as_ref().map(|identity| identity.url.as_str());
    let whole = identity.filter(|url| *url != "userinfo" && !url.starts_with('/'));
    all.extend(whole.map(|template| place("identity.url", template, true)));
    all
}

fn alternatives(manifest: &Manifest) -> Checked {
    let all = &manifest.urls.alternatives;
    at_most("urls.alternatives", all.len(), super::MOST_ENTRIES)?;
    all.iter().try_for_each(|other| alternative(manifest, other))
}

fn alternative(manifest: &Manifest, other: &Alternative) -> Checked {
    let place = "urls.alternatives";
    must(!other.when.is_empty(), place, "say in `when` which answers choose it")?;
    at_most(place, other.when.len(), 10)?;
    for (name, value) in &other.when {
        if let Some(known) = manifest.input(name) {
            let message = format!("`{name}` is a secret, and chooses no address");
            must(!known.secret, place, message)?;
            input::check_one(known, value).map_err(|error| {
                ManifestError::at(place, format!("`{value}` is never answered: {error}"))
            })?;
            continue;
        }
        let message = format!("`{name}` is neither an input nor a captured value");
        must(is_captured(manifest, name), place, message)?;
        let message = format!("`{name}` is not known yet when the browser is sent to `authorize`");
        let early = other.authorize.is_some() || other.request_token.is_some();
        must(!early, place, message)?;
    }
    let urls = [
        &other.request_token,
        &other.authorize,
        &other.token,
        &other.refresh,
        &other.revoke,
        &other.userinfo,
    ];
    let any = urls.into_iter().any(Option::is_some) || other.api.is_some();
    must(any, place, "name at least one address")?;
    must(
        other.api.is_none() || manifest.api.base.is_some(),
        place,
        "`api` takes the place of api.base, which is missing",
    )
}

fn is_captured(manifest: &Manifest, name: &str) -> bool {
    manifest.token.capture.contains_key(name) || manifest.callback.capture.contains_key(name)
}

/// Whether an input's answer stands in a host.
pub(crate) fn names_a_host(manifest: &Manifest, input: &Input) -> bool {
    templates(manifest).iter().any(|place| {
        template::names(template::authority(place.template)).contains(&input.name.as_str())
    })
}

/// Whether an input's pattern surely keeps dots and slashes out: then the answer is one label or a port,
/// and whoever answers does not choose the host. In doubt, no.
pub(crate) fn is_one_label(input: &Input) -> bool {
    let Some(inner) = input.pattern.as_deref().and_then(|p| p.strip_prefix('^')?.strip_suffix('$'))
    else {
        return false;
    };
    let bytes = inner.as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_[]{},+*?()|:".contains(b);
    bytes.iter().all(plain) && has_plain_ranges(bytes)
}

/// Whether all ranges of a pattern's classes stay among digits or letters: `+-9` has the dot in it.
fn has_plain_ranges(pattern: &[u8]) -> bool {
    let alike = |a: u8, b: u8| {
        (a.is_ascii_digit() && b.is_ascii_digit())
            || (a.is_ascii_lowercase() && b.is_ascii_lowercase())
            || (a.is_ascii_uppercase() && b.is_ascii_uppercase())
    };
    let mut in_class = false;
    for (at, byte) in pattern.iter().enumerate() {
        match byte {
            // A class in a class; a bracket that is one of the characters.
            b'[' if in_class => return false,
            b']' if in_class && pattern[at - 1] == b'[' => return false,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'-' if in_class => {
                let (before, after) =
                    (pattern[at - 1], pattern.get(at + 1).copied().unwrap_or(b']'));
                if before != b'[' && after != b']' && !alike(before, after) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

fn one(manifest: &Manifest, place: &Place<'_>) -> Checked {
    let Place { name, template, .. } = place;
    must(template.len() <= 1000, name, "a URL has at most 1000 characters")?;
    // The parser mends backslashes, spaces and a missing host; people read them otherwise.
    let plain = template.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let host = !template::authority(template).ends_with("//");
    must(plain && host, name, format!("`{template}` is no whole URL"))?;
    variables(manifest, place)?;
    let literal = template.starts_with("https://") || is_this_machine(template);
    if !literal {
        must(
            template.starts_with('{'),
            name,
            "write an https:// URL (http:// only for localhost)",
        )?;
    }
    for (index, variable) in template::names(template::authority(template)).into_iter().enumerate()
    {
        in_a_host(manifest, name, variable, index == 0 && !literal)?;
    }
    let sample = Url::parse(&sampled(manifest, template))
        .map_err(|error| ManifestError::at(name, format!("`{template}` is no URL: {error}")))?;
    let bare =
        sample.username().is_empty() && sample.password().is_none() && sample.fragment().is_none();
    must(
        bare && input::is_safe(&sample),
        name,
        format!("`{template}`: write https://, without user or fragment"),
    )?;
    let plain = sample.query().is_none() || !matches!(name.as_str(), "issuer" | "api.base");
    must(plain, name, "this URL has no query")
}

/// Whether it is plain HTTP to `localhost`, `127.0.0.1` or `[::1]`, and nothing that only begins so.
fn is_this_machine(template: &str) -> bool {
    let rest = template.strip_prefix("http://").and_then(|rest| {
        ["localhost", "127.0.0.1", "[::1]"].into_iter().find_map(|host| rest.strip_prefix(host))
    });
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
}

fn variables(manifest: &Manifest, place: &Place<'_>) -> Checked {
    let Place { name, template, late } = place;
    let braces = template.matches('{').count();
    let names = template::names(template);
    let closed = names.len() == braces && template.matches('}').count() == braces;
    must(closed, name, "a brace is not closed, or closes nothing")?;
    for variable in names {
        let captured = is_captured(manifest, variable);
        let of_a_grant = OF_A_GRANT.contains(&variable) && name.ends_with(".revoke");
        match manifest.input(variable) {
            Some(input) if input.secret => {
                return Err(ManifestError::at(
                    name,
                    format!("`{variable}` is a secret, and has no place in a URL"),
                ));
            }
            Some(input) => must(
                input.required || input.default.is_some(),
                name,
                format!(
                    "the input `{variable}` can be left out; make it required or give it a default"
                ),
            )?,
            None if of_a_grant => must(
                !template::names(template::authority(template)).contains(&variable),
                name,
                format!("`{variable}` stands behind the host, in the path or the query"),
            )?,
            None if captured => must(
                *late,
                name,
                format!(
                    "`{variable}` is captured, so it is not known yet when this URL is needed; make it an input"
                ),
            )?,
            None => {
                return Err(ManifestError::at(
                    name,
                    format!("there is no input and no captured value `{variable}`"),
                ));
            }
        }
    }
    Ok(())
}

/// Whether what fills `variable` may stand in a host; `first` is where a whole URL may begin.
fn in_a_host(manifest: &Manifest, name: &str, variable: &str, first: bool) -> Checked {
    let Some(input) = manifest.input(variable) else {
        // The browser's query is whatever the person wants it to be.
        let from_browser = manifest.callback.capture.contains_key(variable);
        let message = format!(
            "`{variable}` comes with the browser; list the hosts it may lead to in api.host_allow"
        );
        return must(!from_browser || !manifest.api.host_allow.is_empty(), name, message);
    };
    if first {
        let whole = input.kind == InputKind::Url
            || input.pattern.as_deref().is_some_and(|pattern| pattern.starts_with("^https://"))
            || (!input.one_of.is_empty()
                && input.one_of.iter().all(|value| value.starts_with("https://")));
        return must(
            whole,
            name,
            format!("the input `{variable}` begins this URL; give it kind = \"url\""),
        );
    }
    let bounded =
        input.kind == InputKind::Host || !input.one_of.is_empty() || input.pattern.is_some();
    let message = format!(
        "the input `{variable}` stands in the host; give it a pattern, an `enum` or kind = \"host\", so that no answer becomes another host"
    );
    must(bounded && input.kind != InputKind::Url, name, message)
}

/// The template with something plausible in it.
fn sampled(manifest: &Manifest, template: &str) -> String {
    let sample = |name: &str| match manifest.input(name) {
        Some(input) if !input.one_of.is_empty() => input.one_of[0].clone(),
        Some(Input { default: Some(value), .. }) => value.clone(),
        _ if template.starts_with(&format!("{{{name}}}")) => "https://a.example".to_owned(),
        // Good as a label and as a port.
        _ => "1".to_owned(),
    };
    let values: BTreeMap<String, String> =
        template::names(template).into_iter().map(|name| (name.to_owned(), sample(name))).collect();
    template::fill(template, &values).unwrap_or_default()
}

fn verify(manifest: &Manifest) -> Checked {
    let Some(verify) = &manifest.api.verify else { return Ok(()) };
    let name = "api.verify.path".to_owned();
    variables(manifest, &Place { name, template: &verify.path, late: true })
}

fn identity(manifest: &Manifest) -> Checked {
    let Some(identity) = &manifest.identity else { return Ok(()) };
    let place = "identity.url";
    let base = manifest.api.base.as_deref();
    if identity.url == "userinfo" {
        let known = manifest.urls.userinfo.is_some() || manifest.issuer.is_some();
        return must(
            known,
            place,
            "`userinfo` needs urls.userinfo, or an issuer that tells where it is",
        );
    }
    if identity.url.starts_with('/') {
        must(base.is_some(), place, "a path needs api.base")?;
        let place = Place { name: place.to_owned(), template: &identity.url, late: true };
        return variables(manifest, &place);
    }
    // The credential is sent there.
    let own =
        base.is_some_and(|base| template::authority(base) == template::authority(&identity.url));
    let allowed = match literal_host(Some(&identity.url)) {
        Some(host) => is_allowed(&manifest.api.host_allow, &host),
        None => !manifest.api.host_allow.is_empty(),
    };
    must(own || allowed, place, "the credential is sent there: add its host to api.host_allow")
}
