//! Templates such as `https://{subdomain}.example.com/oauth`.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path segment or a query value unencoded (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The names in braces.
pub(crate) fn names(template: &str) -> Vec<&str> {
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
/// neither end the host nor begin a query.
pub(crate) fn fill(template: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, tail) = after.split_once('}')?;
        let value = values.get(name)?;
        if out.is_empty() {
            out.push_str(value.trim_end_matches('/'));
        } else {
            out.extend(utf8_percent_encode(value, UNRESERVED));
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
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
    fn a_missing_value_fills_nothing() {
        assert_eq!(fill("https://{a}/", &BTreeMap::new()), None);
    }
}
