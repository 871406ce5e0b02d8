//! Which addresses there must be, and to which hosts a credential may go.

use url::Url;

use super::{
    Checked, at_most, must,
    urls::{bases, specs},
};
use crate::{Manifest, manifest::AuthKind, template};

pub(super) fn check(manifest: &Manifest) -> Checked {
    complete(manifest)?;
    hosts(manifest)
}

/// Whether all URLs are there that this kind of getting in needs.
fn complete(manifest: &Manifest) -> Checked {
    let urls = &manifest.urls;
    let discovered = manifest.issuer.is_some();
    match manifest.auth.kind {
        AuthKind::Oauth2Code => must(
            discovered || (urls.authorize.is_some() && urls.token.is_some()),
            "urls",
            "oauth2_code needs `authorize` and `token`, or an `issuer`",
        ),
        AuthKind::Oauth2ClientCredentials => must(
            discovered || urls.token.is_some(),
            "urls",
            "oauth2_client_credentials needs `token`, or an `issuer`",
        ),
        AuthKind::Oauth1 => must(
            urls.request_token.is_some() && urls.authorize.is_some() && urls.token.is_some(),
            "urls",
            "oauth1 needs `request_token`, `authorize` and `token`",
        ),
        AuthKind::SessionExchange => must(
            !discovered && urls.token.is_some() && urls.authorize.is_none(),
            "urls",
            "session_exchange needs `token`, and no `authorize` or `issuer`",
        ),
        AuthKind::JwtBearer => must(
            !discovered && urls.token.is_some() && urls.authorize.is_none(),
            "urls",
            "jwt_bearer needs `token`, and no `authorize` or `issuer`",
        ),
        AuthKind::ApiKey | AuthKind::Basic => must(
            !discovered && specs(manifest).is_empty(),
            "urls",
            "a key needs no OAuth endpoints, and no `issuer`",
        ),
    }
}

fn hosts(manifest: &Manifest) -> Checked {
    let allow = &manifest.api.host_allow;
    at_most("api.host_allow", allow.len(), super::MOST_ENTRIES)?;
    for host in allow {
        let bare = host.trim_start_matches('.');
        let sound = url::Host::parse(bare).is_ok_and(|parsed| parsed.to_string() == bare)
            && (bare == "localhost" || bare.contains('.'));
        must(
            sound,
            "api.host_allow",
            format!("`{host}`: write a host in lower case, such as example.com"),
        )?;
    }
    for host in bases(manifest).filter_map(|base| literal_host(Some(base))) {
        let listed = allow.is_empty() || is_allowed(allow, &host);
        must(listed, "api.base", format!("api.host_allow leaves its host `{host}` out"))?;
    }
    Ok(())
}

/// A template's host where no answer changes it.
pub(super) fn literal_host(template: Option<&str>) -> Option<String> {
    let authority = template::authority(template?);
    let url = (!authority.contains('{')).then(|| Url::parse(authority).ok()).flatten()?;
    url.host_str().map(str::to_owned)
}

/// Whether a host is among those of `api.host_allow`.
pub(super) fn is_allowed(allow: &[String], host: &str) -> bool {
    allow.iter().map(|suffix| suffix.trim_start_matches('.')).any(|suffix| {
        host == suffix || host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
    })
}
