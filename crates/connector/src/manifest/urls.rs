//! Where a provider is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A URL template, with an end where it has one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum UrlSpec {
    /// For good.
    Plain(String),
    /// Until a date.
    Dated(DatedUrl),
}

/// A URL template that ends.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatedUrl {
    /// The template.
    pub url: String,
    /// The last day on which it is good, `YYYY-MM-DD`.
    pub valid_until: String,
    /// What takes its place from the next day on.
    pub successor: String,
}

impl UrlSpec {
    /// The template that is good on a day, `YYYY-MM-DD`.
    pub fn on(&self, day: &str) -> &str {
        match self {
            Self::Plain(url) => url,
            // ISO dates sort as text.
            Self::Dated(dated) if day > dated.valid_until.as_str() => &dated.successor,
            Self::Dated(dated) => &dated.url,
        }
    }

    /// What ends, if anything does.
    pub fn dated(&self) -> Option<&DatedUrl> {
        match self {
            Self::Plain(_) => None,
            Self::Dated(dated) => Some(dated),
        }
    }

    /// All templates in it.
    pub fn all(&self) -> Vec<&str> {
        match self {
            Self::Plain(url) => vec![url],
            Self::Dated(dated) => vec![&dated.url, &dated.successor],
        }
    }
}

/// A provider's endpoints.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Urls {
    /// OAuth 1.0a: where temporary credentials are had (RFC 5849, section 2.1).
    pub request_token: Option<UrlSpec>,
    /// Where the browser goes.
    pub authorize: Option<UrlSpec>,
    /// Where codes become tokens.
    pub token: Option<UrlSpec>,
    /// Where tokens are refreshed, if elsewhere.
    pub refresh: Option<UrlSpec>,
    /// Where an access token is traded for one that lives longer, if elsewhere (`token.exchange`).
    pub exchange: Option<UrlSpec>,
    /// Where grants are ended (RFC 7009).
    pub revoke: Option<UrlSpec>,
    /// Where it is asked how long a new access token lives (RFC 7662), for providers whose replies do not say;
    /// where that is not told either, `lifetime.access_s` counts.
    pub introspect: Option<UrlSpec>,
    /// Who is it (OpenID Connect Core, section 5.3).
    pub userinfo: Option<UrlSpec>,
    /// Other addresses for other regions and the like; the first that fits counts.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
}

/// Addresses that count where answers say so. What is left out stays as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// Inputs and captured values, and what each must be.
    pub when: BTreeMap<String, String>,
    /// Where temporary credentials are had.
    pub request_token: Option<UrlSpec>,
    /// Where the browser goes.
    pub authorize: Option<UrlSpec>,
    /// Where codes become tokens.
    pub token: Option<UrlSpec>,
    /// Where tokens are refreshed.
    pub refresh: Option<UrlSpec>,
    /// Where grants are ended.
    pub revoke: Option<UrlSpec>,
    /// Who is it.
    pub userinfo: Option<UrlSpec>,
    /// Where the API is.
    pub api: Option<String>,
}

impl Alternative {
    /// Whether all its conditions hold.
    pub fn fits(&self, values: &BTreeMap<String, String>) -> bool {
        self.when.iter().all(|(name, value)| values.get(name) == Some(value))
    }
}

impl Urls {
    /// Its addresses that end, with their names: `token`, `revoke`, …
    pub fn dated(&self) -> Vec<(&'static str, &DatedUrl)> {
        let mut all =
            with_names([&self.authorize, &self.token, &self.refresh, &self.revoke, &self.userinfo]);
        all.extend(self.introspect.iter().filter_map(|url| Some(("introspect", url.dated()?))));
        all.extend(self.exchange.iter().filter_map(|url| Some(("exchange", url.dated()?))));
        let others = self.alternatives.iter().map(|other| &other.request_token);
        let temporary = [&self.request_token].into_iter().chain(others).flatten();
        all.extend(temporary.filter_map(|url| Some(("request_token", url.dated()?))));
        for it in &self.alternatives {
            all.extend(with_names([
                &it.authorize,
                &it.token,
                &it.refresh,
                &it.revoke,
                &it.userinfo,
            ]));
        }
        all
    }

    /// The alternative that counts with these values; none = the plain addresses.
    pub fn alternative(&self, values: &BTreeMap<String, String>) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.fits(values))
    }
}

fn with_names(urls: [&Option<UrlSpec>; 5]) -> Vec<(&'static str, &DatedUrl)> {
    let named = ["authorize", "token", "refresh", "revoke", "userinfo"].into_iter().zip(urls);
    named.filter_map(|(name, url)| Some((name, url.as_ref()?.dated()?))).collect()
}
