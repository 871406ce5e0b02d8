//! A browser's cookies (RFC 6265, as far as it matters here).

use reqwest::header::HeaderMap;
use url::Url;

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    path: String,
    secure: bool,
}

/// The cookies of one browser.
#[derive(Debug, Default)]
pub(crate) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes what an answer of `url` sets.
    pub(crate) fn take(&mut self, url: &Url, headers: &HeaderMap) {
        for header in headers.get_all("set-cookie") {
            let text = header.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.trim().split_once('=').unwrap();
            let mut cookie = Cookie {
                name: name.to_owned(),
                value: value.to_owned(),
                host: url.host_str().unwrap().to_owned(),
                path: default_path(url),
                secure: false,
            };
            let mut gone = false;
            for attribute in attributes.split(';').map(str::trim) {
                let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
                match key.to_ascii_lowercase().as_str() {
                    "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                    "secure" => cookie.secure = true,
                    "max-age" => gone |= value.parse::<i64>().is_ok_and(|left| left <= 0),
                    "expires" => gone |= value.contains("1970"),
                    _ => {}
                }
            }
            // A browser keeps no such cookie.
            let host_bound = name.starts_with("__Host-") && !(cookie.secure && cookie.path == "/");
            if host_bound || (cookie.secure && url.scheme() != "https") {
                continue;
            }
            self.0.retain(|old| {
                old.name != cookie.name || old.host != cookie.host || old.path != cookie.path
            });
            if !gone {
                self.0.push(cookie);
            }
        }
    }

    /// The `Cookie` header for a request to `url`; ports do not tell cookies apart.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let fits = |cookie: &&Cookie| {
            Some(cookie.host.as_str()) == url.host_str()
                && below(url.path(), &cookie.path)
                && (!cookie.secure || url.scheme() == "https")
        };
        let pairs: Vec<_> =
            self.0.iter().filter(fits).map(|one| format!("{}={}", one.name, one.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Every cookie's text.
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|cookie| cookie.value.as_str())
    }
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

fn below(path: &str, folder: &str) -> bool {
    path == folder
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| folder.ends_with('/') || rest.starts_with('/'))
}

#[test]
fn a_cookie_goes_back_to_its_own_host_and_path_only() {
    let mut jar = Jar::default();
    let mut headers = HeaderMap::new();
    headers.append("set-cookie", "a=1; Path=/connect; HttpOnly".parse().unwrap());
    headers.append("set-cookie", "b=2; Secure; Path=/".parse().unwrap());
    jar.take(&Url::parse("http://localhost:1/connect").unwrap(), &headers);
    let sent = |url: &str| jar.header(&Url::parse(url).unwrap());
    assert_eq!(sent("http://localhost:2/connect/status").as_deref(), Some("a=1"));
    assert_eq!(sent("http://localhost:1/connections"), None);
    assert_eq!(sent("http://127.0.0.1:1/connect"), None);
}
