//! Where the provider's OAuth server listens.

use std::{borrow::Cow, collections::BTreeMap};

use base::Timestamp;
use connector::{
    AuthKind, ErrorKind, Inputs, Manifest,
    manifest::{AssertionSpec, UrlSpec},
};
use outbound::{Hosts, Outbound};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use crate::{Error, discovery};

/// What needs no encoding in a URL's parts (RFC 3986, section 2.3).
pub(crate) const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest URL that is called.
const LONGEST: usize = 2000;

/// A provider's OAuth server, for one set of inputs and on one day. Holds no secret.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// OAuth 1.0a: where temporary credentials are had (RFC 5849, section 2.1).
    pub request_token: Option<Url>,
    /// Where the browser goes.
    pub authorize: Option<Url>,
    /// Where codes become tokens.
    pub token: Option<Url>,
    /// Where tokens are refreshed, if elsewhere.
    pub refresh: Option<Url>,
    /// Where an access token is traded for one that lives longer.
    pub exchange: Option<Url>,
    /// Where grants are ended (RFC 7009).
    pub revoke: Option<Url>,
    /// Where a token's end is told (RFC 7662).
    pub introspect: Option<Url>,
    /// Who is it (OpenID Connect Core, section 5.3).
    pub userinfo: Option<Url>,
    /// Where authorization requests are left beforehand (RFC 9126).
    pub par: Option<Url>,
    /// Whether it takes no other authorization requests.
    pub par_required: bool,
    /// Its name, exactly as it writes it itself; none where nothing is discovered.
    pub issuer: Option<String>,
    /// Whether its callbacks always carry `iss` (RFC 9207).
    pub iss_in_callback: bool,
    /// How clients may identify themselves at the token endpoint; empty where nothing is discovered.
    pub token_auth_methods: Vec<String>,
    /// Where the keys are that sign its `id_token`s.
    pub jwks: Option<Url>,
    /// The algorithms that it signs them with.
    pub id_token_algs: Vec<String>,
    /// The PKCE methods that it says it takes; empty where it does not say.
    pub pkce_methods: Vec<String>,
    /// The answers that the client's assertions name.
    pub answers: BTreeMap<String, String>,
    /// Addresses that count once a value was captured.
    pub later: Vec<Later>,
    /// The hosts of all these, as they were found: no request leads to another.
    pub hosts: Hosts,
}

/// Addresses that take the place of others once the callback or the token reply told a value.
#[derive(Clone, Debug)]
pub struct Later {
    when: BTreeMap<String, String>,
    token: Option<Url>,
    refresh: Option<Url>,
    revoke: Option<Url>,
    userinfo: Option<Url>,
}

impl Endpoints {
    /// With the hosts that the endpoints have now.
    fn with_hosts(mut self) -> Self {
        let all = [
            &self.request_token,
            &self.authorize,
            &self.token,
            &self.refresh,
            &self.exchange,
            &self.revoke,
            &self.introspect,
            &self.userinfo,
            &self.par,
            &self.jwks,
        ];
        self.hosts = all.into_iter().flatten().fold(Hosts::default(), Hosts::and);
        self
    }

    /// The endpoints that count with these captured values.
    pub fn after(&self, captured: &BTreeMap<String, String>) -> Cow<'_, Self> {
        let holds = |later: &&Later| {
            later.when.iter().all(|(name, value)| captured.get(name) == Some(value))
        };
        let Some(later) = self.later.iter().find(holds) else { return Cow::Borrowed(self) };
        let mut next = self.clone();
        for (address, place) in [
            (&later.token, &mut next.token),
            (&later.refresh, &mut next.refresh),
            (&later.revoke, &mut next.revoke),
            (&later.userinfo, &mut next.userinfo),
        ] {
            if address.is_some() {
                place.clone_from(address);
            }
        }
        Cow::Owned(next.with_hosts())
    }
}

/// The endpoints of this manifest with these inputs, on this day.
///
/// With an `issuer` they are discovered; those that the manifest names win. A provider without OAuth
/// has none.
pub async fn endpoints(
    outbound: &Outbound,
    manifest: &Manifest,
    inputs: &Inputs,
    now: Timestamp,
) -> Result<Endpoints, Error> {
    if matches!(manifest.auth.kind, AuthKind::ApiKey | AuthKind::Basic) {
        return Ok(Endpoints::default());
    }
    let values = inputs.as_map();
    let mut found = match &manifest.issuer {
        Some(template) => {
            let by_certificate = manifest.client.certificate;
            discovery::discover(outbound, &filled(template, values, "issuer")?, by_certificate)
                .await?
        }
        None => Endpoints::default(),
    };
    found.answers = named(manifest, values);
    let day = now.day();
    let urls = &manifest.urls;
    let mut values = values.clone();
    // They are filled in when a grant is ended.
    for name in [TOKEN, CLIENT_ID] {
        values.entry(name.to_owned()).or_insert_with(|| format!("{{{name}}}"));
    }
    let url = |spec: &Option<UrlSpec>, name| match spec {
        Some(spec) => filled(spec.on(&day), &values, name).map(Some),
        None => Ok(None),
    };
    let mut chosen = None;
    for other in &urls.alternatives {
        let is_input = |name: &str| manifest.input(name).is_some();
        let (known, later): (Vec<_>, Vec<_>) =
            other.when.iter().partition(|(name, _)| is_input(name));
        if !known.into_iter().all(|(name, value)| values.get(name) == Some(value)) {
            continue;
        }
        if later.is_empty() {
            chosen = Some(other);
            break;
        }
        found.later.push(Later {
            when: later.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            token: url(&other.token, "token")?,
            refresh: url(&other.refresh, "refresh")?,
            revoke: url(&other.revoke, "revoke")?,
            userinfo: url(&other.userinfo, "userinfo")?,
        });
    }
    let of = |pick: fn(&connector::manifest::Alternative) -> &Option<UrlSpec>, plain| {
        let other: Option<&Option<UrlSpec>> = chosen.map(pick);
        other.filter(|spec| spec.is_some()).unwrap_or(plain)
    };
    for (spec, place, name) in [
        (
            of(|other| &other.request_token, &urls.request_token),
            &mut found.request_token,
            "request token",
        ),
        (of(|other| &other.authorize, &urls.authorize), &mut found.authorize, "authorize"),
        (of(|other| &other.token, &urls.token), &mut found.token, "token"),
        (of(|other| &other.refresh, &urls.refresh), &mut found.refresh, "refresh"),
        (&urls.exchange, &mut found.exchange, "exchange"),
        (of(|other| &other.revoke, &urls.revoke), &mut found.revoke, "revoke"),
        (&urls.introspect, &mut found.introspect, "introspect"),
        (of(|other| &other.userinfo, &urls.userinfo), &mut found.userinfo, "userinfo"),
    ] {
        if let Some(url) = url(spec, name)? {
            *place = Some(url);
        }
    }
    Ok(found.with_hosts())
}

/// The open answers that the templates of `client.assertion` name.
fn named(manifest: &Manifest, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let templates = manifest.client.assertion.iter().flat_map(AssertionSpec::templates);
    let names = templates.flat_map(|(_, template)| connector::names(template));
    names.filter_map(|name| Some((name.to_owned(), values.get(name)?.clone()))).collect()
}

/// The names that the URL of a revocation may have besides the inputs.
pub(crate) const TOKEN: &str = "token";
pub(crate) const CLIENT_ID: &str = "client_id";

/// Whether a URL waits for this name.
pub(crate) fn waits_for(url: &Url, name: &str) -> bool {
    url.as_str().contains(&marker(name))
}

/// Puts a value where a URL waits for this name.
pub(crate) fn put(url: &Url, name: &str, value: &str) -> Option<Url> {
    let value = utf8_percent_encode(value, UNRESERVED).to_string();
    callable(&url.as_str().replace(&marker(name), &value))
}

/// How `{name}` is written in a URL.
fn marker(name: &str) -> String {
    format!("%7B{name}%7D")
}

/// A template with the inputs in it, if that is a URL to be called.
fn filled(template: &str, values: &BTreeMap<String, String>, name: &str) -> Result<Url, Error> {
    let text = connector::fill_url(template, values).ok_or_else(|| {
        let text = format!("the {name} URL needs an answer that is missing; complete the settings");
        Error::unsent(ErrorKind::Invalid, text)
    })?;
    callable(&text).ok_or_else(|| {
        let text =
            format!("the {name} URL must be a whole https URL; check the settings that go into it");
        Error::unsent(ErrorKind::Invalid, text)
    })
}

/// The URL, if it is one to be called: https (http for this machine only), no user, no fragment.
pub(crate) fn callable(text: &str) -> Option<Url> {
    if text.len() > LONGEST {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let transport = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (transport && bare && url.has_host()).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(v4)) => v4.is_loopback(),
        Some(Host::Ipv6(v6)) => v6.is_loopback(),
        None => false,
    }
}
