//! Where a browser may be sent back to.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use url::{Host, Url};

/// The rule, as the pages put it.
pub(crate) const RULE: &str = "This playground sends people back only to http(s) addresses on this \
    machine (localhost, 127.0.0.0/8 or [::1]) whose path starts with /oauth/callback/.";

/// A redirect URI that keeps the rule.
#[derive(Clone, Debug)]
pub(crate) struct RedirectUri {
    /// As it was sent: the token request repeats it exactly.
    pub(crate) text: String,
    /// As it was understood, and as browsers are sent there.
    url: Url,
}

impl RedirectUri {
    /// Reads one. Anything that is not plainly on this machine is refused.
    pub(super) fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        // The path after dot segments are resolved, so `/oauth/callback/../..` is not a way out.
        let below =
            url.path().strip_prefix("/oauth/callback/").is_some_and(|rest| !rest.is_empty());
        (loopback && plain && below).then(|| Self { text: text.to_owned(), url })
    }

    /// The host and port that a person sees.
    pub(crate) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Sends the browser there with an answer; `iss` says whose it is (RFC 9207).
    pub(super) fn send(
        &self,
        issuer: &str,
        state: Option<&str>,
        answer: &[(&str, &str)],
    ) -> Response {
        let mut url = self.url.clone();
        let mut query = url.query_pairs_mut();
        query.extend_pairs(answer);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", issuer);
        drop(query);
        let location = HeaderValue::try_from(String::from(url)).expect("a URL is ASCII");
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_callbacks_on_this_machine_are_redirect_uris() {
        for good in [
            "http://localhost:8080/oauth/callback/cli_1",
            "https://127.0.0.1/oauth/callback/x?tenant=1",
            "http://[::1]:9/oauth/callback/x",
        ] {
            assert!(RedirectUri::read(good).is_some(), "{good}");
        }
        for bad in [
            "https://evil.example/oauth/callback/x",
            "http://localhost.evil.example/oauth/callback/x",
            "http://localhost@evil.example/oauth/callback/x",
            "http://evil.example\\@localhost/oauth/callback/x",
            "http://user@localhost/oauth/callback/x",
            "http://localhost/oauth/callback/",
            "http://localhost/oauth/callback/../../away",
            "http://localhost/oauth/callback/%2e%2e/%2e%2e/away",
            "http://localhost/oauth/callback/x#fragment",
            "http://localhost/elsewhere",
            "//evil.example/oauth/callback/x",
            "javascript://localhost/oauth/callback/x",
            "",
        ] {
            assert!(RedirectUri::read(bad).is_none(), "{bad}");
        }
    }
}
