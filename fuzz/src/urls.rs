//! Where a filled template may lead: nowhere but where the template itself points.

use std::collections::BTreeMap;

use url::{Host, Url};

type Values = BTreeMap<String, String>;

/// A template's parts: `https://{a}.x.example:8080/p/{b}?q`.
struct Parts<'a> {
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

/// The URL that the engine would call: https, or http on this machine; no user, no fragment.
pub(crate) fn callable(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let secure = url.scheme() == "https" || (url.scheme() == "http" && here);
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (secure && bare).then_some(url)
}

/// Panics where the URL that a template was filled to leads elsewhere than the template.
pub(crate) fn stays(template: &str, values: &Values, url: &Url) {
    assert!(
        callable(url.as_str()).is_some(),
        "`{template}` became {url}, which is not to be called"
    );
    if let Some(rest) = template.strip_prefix('{') {
        begins(rest, values, url);
    } else if let Some((scheme, rest)) = template.split_once("://") {
        assert_eq!(url.scheme(), scheme, "`{template}` became {url}");
        let parts = parts(rest);
        host(&parts, values, url);
        port(parts.port, url);
        path(parts.path, url);
    }
}

/// A value is the beginning: its origin is the URL's, and its path the beginning of the URL's.
fn begins(rest: &str, values: &Values, url: &Url) {
    let Some((name, tail)) = rest.split_once('}') else { return };
    let whole = tail.is_empty() || tail.starts_with('/');
    let value = values.get(name).filter(|_| whole);
    let Some(value) = value.and_then(|value| Url::parse(value).ok()) else { return };
    assert_eq!(url.origin(), value.origin(), "{value} became {url}");
    if !rises(tail) {
        let inside = url.path().starts_with(value.path().trim_end_matches('/'));
        assert!(inside, "{value} became {url}");
    }
}

fn parts(rest: &str) -> Parts<'_> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let path = behind.split(['?', '#']).next().unwrap_or_default();
    Parts { host, port, path }
}

fn host(parts: &Parts<'_>, values: &Values, url: &Url) {
    let is = url.host_str().unwrap_or_default();
    let Some((before, tail)) = parts.host.rsplit_once('}') else {
        let said = Url::parse(&format!("{}://{}", url.scheme(), parts.host));
        let said = said.expect("a literal host is one");
        assert_eq!(said.host_str(), Some(is), "a literal host became another");
        return;
    };
    // A value may change the label that it stands in, and no more.
    let Some(dot) = tail.find('.') else {
        // Alone it is the host; with others in one label, it is theirs together.
        let alone = before.strip_prefix('{').and_then(|name| values.get(name));
        let said = alone.filter(|_| tail.is_empty()).and_then(|value| Host::parse(value).ok());
        assert!(said.is_none_or(|said| said.to_string() == is), "a host became {is}");
        return;
    };
    let Ok(Some(Host::Domain(sample))) = Url::parse(&format!("https://x{}", &tail[dot..]))
        .map(|url| url.host().map(|h| h.to_owned()))
    else {
        return;
    };
    let suffix = sample.trim_start_matches('x');
    assert!(is.ends_with(suffix), "a host that ends in {suffix} became {is}");
}

fn port(said: Option<&str>, url: &Url) {
    match said {
        Some(port) if port.contains('{') => {}
        Some(port) => {
            let port = port.parse().ok();
            assert!(port.is_none() || url.port_or_known_default() == port, "another port: {url}");
        }
        None => assert_eq!(url.port(), None, "a port came from a value: {url}"),
    }
}

/// As many steps as in the template.
fn path(said: &str, url: &Url) {
    if rises(said) {
        return;
    }
    let said = if said.is_empty() { "/" } else { said };
    let (said, is) = (said.split('/').count(), url.path().split('/').count());
    assert_eq!(said, is, "a value left its place in the path: {url}");
}

/// Whether a template's own path goes up by itself.
fn rises(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace("%2e", ".");
    path.split('/').any(|step| matches!(step, "." | ".."))
}
