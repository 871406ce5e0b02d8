//! Templates such as `https://{subdomain}.example.com/oauth`.

use std::{borrow::Borrow, collections::BTreeMap};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path segment or a query value unencoded (RFC 3986, section 2.3).
pub(crate) const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The names in braces.
pub fn names(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        found.push(name);
        rest = tail;
    }
    found
}

/// Puts values in; none where one is missing.
///
/// A value at the very start may be a whole base URL; any other is percent-encoded, so that it can
/// neither end the host nor begin a query. `.` and `..` are none either: in a path they would mean
/// another place, encoded or not (WHATWG URL, section 4.3).
pub fn fill(template: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let named = names(template).into_iter().filter_map(|name| values.get(name));
    if named.into_iter().any(|value| is_dots(value)) {
        return None;
    }
    put(template, values, |out, value, tail| {
        if !out.is_empty() {
            out.extend(utf8_percent_encode(value, UNRESERVED));
        } else if tail.starts_with('/') {
            out.push_str(value.trim_end_matches('/'));
        } else {
            // Alone it stays as it is: an issuer with a slash at its end is another than one without.
            out.push_str(value);
        }
    })
}

/// Puts values in as they are: for headers, never for URLs. None where one is missing.
pub fn fill_raw<K>(template: &str, values: &BTreeMap<K, &str>) -> Option<String>
where
    K: Borrow<str> + Ord,
{
    put(template, values, |out, value, _| out.push_str(value))
}

fn put<K, V>(
    template: &str,
    values: &BTreeMap<K, V>,
    write: impl Fn(&mut String, &str, &str),
) -> Option<String>
where
    K: Borrow<str> + Ord,
    V: AsRef<str>,
{
    // Large enough not to move: what is filled in may be a secret, and old places are not wiped.
    let most: usize = values.values().map(|value| value.as_ref().len()).sum();
    let mut out = String::with_capacity(template.len() + most + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, tail) = after.split_once('}')?;
        write(&mut out, values.get(name)?.as_ref(), tail);
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// Whether a value is a step of a path that leads nowhere, or up.
pub(crate) fn is_dots(value: &str) -> bool {
    matches!(value, "." | "..")
}

/// What stands before the host's end: `https://{subdomain}.example.com`.
pub(crate) fn authority(template: &str) -> &str {
    let start = template.find("://").map_or(0, |at| at + 3);
    let end = template[start..].find(['/', '?', '#']).map_or(template.len(), |at| start + at);
    &template[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_value_in_the_middle_can_not_leave_its_place() {
        let filled = fill("https://{sub}.example.com/x", &values("sub", "evil.com/?#"));
        assert_eq!(filled.as_deref(), Some("https://evil.com%2F%3F%23.example.com/x"));
    }

    #[test]
    fn a_value_at_the_start_may_be_a_whole_url() {
        let filled = fill("{base_url}/oauth/token", &values("base_url", "http://127.0.0.1:1/"));
        assert_eq!(filled.as_deref(), Some("http://127.0.0.1:1/oauth/token"));
    }

    #[test]
    fn a_value_alone_keeps_its_last_slash() {
        let filled = fill("{issuer}", &values("issuer", "https://id.example/"));
        assert_eq!(filled.as_deref(), Some("https://id.example/"));
    }

    #[test]
    fn a_value_of_dots_does_not_lead_up_a_path() {
        for dots in [".", ".."] {
            assert_eq!(fill("https://a.example/v1/{a}/x", &values("a", dots)), None);
        }
        let filled = fill("https://a.example/v1/{a}/x", &values("a", "..."));
        assert_eq!(filled.as_deref(), Some("https://a.example/v1/.../x"));
    }

    #[test]
    fn a_missing_value_fills_nothing() {
        assert_eq!(fill("https://{a}/", &BTreeMap::new()), None);
        assert_eq!(fill("https://{a", &values("a", "b")), None);
    }

    #[test]
    fn the_authority_ends_with_the_host() {
        assert_eq!(authority("https://{a}.example:{p}/x/{b}"), "https://{a}.example:{p}");
        assert_eq!(authority("{base}/x"), "{base}");
        assert_eq!(authority("https://a.example?x={b}"), "https://a.example");
    }

    proptest! {
        #[test]
        fn no_value_changes_the_registrable_host_or_adds_a_query(value in "\\PC{0,60}") {
            let filled = fill("https://{v}.example.com/{v}", &values("v", &value));
            prop_assert_eq!(filled.is_none(), is_dots(&value));
            if let Some(Ok(url)) = filled.as_deref().map(url::Url::parse) {
                prop_assert_eq!(url.path().matches('/').count(), 1);
                prop_assert!(url.host_str().unwrap().ends_with(".example.com"), "{url}");
                prop_assert!(url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
            }
        }

        #[test]
        fn any_text_as_a_template_never_panics(text in "\\PC{0,60}") {
            let _ = (names(&text), authority(&text), fill(&text, &values("a", "b")));
        }
    }
}
