//! Where the provider's OAuth server listens.

use std::collections::BTreeMap;

use base::Timestamp;
use connector::{AuthKind, ErrorKind, Inputs, Manifest};
use outbound::{Hosts, Outbound};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
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
    /// Where the browser goes.
    pub authorize: Option<Url>,
    /// Where codes become tokens.
    pub token: Option<Url>,
    /// Where tokens are refreshed, if elsewhere.
    pub refresh: Option<Url>,
    /// Where grants are ended (RFC 7009).
    pub revoke: Option<Url>,
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
    /// The hosts of all these, as they were found: no request leads to another.
    pub hosts: Hosts,
}

impl Endpoints {
    /// With the hosts that the endpoints have now.
    fn with_hosts(mut self) -> Self {
        let all = [
            &self.authorize,
            &self.token,
            &self.refresh,
            &self.revoke,
            &self.userinfo,
            &self.par,
            &self.jwks,
        ];
        self.hosts = all.into_iter().flatten().fold(Hosts::default(), Hosts::and);
        self
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
    if !matches!(manifest.auth.kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials) {
        return Ok(Endpoints::default());
    }
    let values = inputs.as_map();
    let mut found = match &manifest.issuer {
        Some(template) => {
            discovery::discover(outbound, &filled(template, values, "issuer")?).await?
        }
        None => Endpoints::default(),
    };
    // A time that RFC 3339 can't write is written otherwise and sorts before every date.
    let day: String = now.to_string().chars().take(10).collect();
    let urls = &manifest.urls;
    for (spec, place, name) in [
        (&urls.authorize, &mut found.authorize, "authorize"),
        (&urls.token, &mut found.token, "token"),
        (&urls.refresh, &mut found.refresh, "refresh"),
        (&urls.revoke, &mut found.revoke, "revoke"),
        (&urls.userinfo, &mut found.userinfo, "userinfo"),
    ] {
        if let Some(spec) = spec {
            *place = Some(filled(spec.on(&day), values, name)?);
        }
    }
    Ok(found.with_hosts())
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
