//! How requests to the OAuth server are written, and how a grant is ended.

use super::{Checked, must, parts, word};
use crate::{
    Manifest,
    manifest::{Encoding, RevokeAuth, RevokeMethod, TokenMethod},
    template,
};

/// What the header of a revocation may name.
const OF_A_GRANT: [&str; 4] = ["token", "access_token", "client_id", "client_secret"];

pub(super) fn check(manifest: &Manifest) -> Checked {
    let token = &manifest.token;
    must(
        token.method == TokenMethod::Post || token.encoding == Encoding::Query,
        "token.method",
        "a GET has no body: write token.encoding = \"query\"",
    )?;
    revoke(manifest)
}

fn revoke(manifest: &Manifest) -> Checked {
    let revoke = &manifest.revoke;
    parts::table("revoke.params", &revoke.params)?;
    revoke.params.values().try_for_each(|text| param(manifest, text))?;
    parts::headers("revoke.headers", &revoke.headers)?;
    if !revoke.token_param.is_empty() {
        word("revoke.token_param", &revoke.token_param)?;
        must(
            !revoke.params.contains_key(&revoke.token_param),
            "revoke.params",
            "one of them has the name of revoke.token_param",
        )?;
    }
    must(
        revoke.method != RevokeMethod::Get
            || matches!(revoke.encoding, None | Some(Encoding::Query)),
        "revoke.encoding",
        "a GET has no body: write \"query\", or leave it out",
    )?;
    let place = "revoke.header";
    match (&revoke.header, revoke.auth) {
        (Some(spec), RevokeAuth::Header) => parts::header_spec(place, spec, &OF_A_GRANT)?,
        (None, RevokeAuth::Header) => {
            must(false, place, "say which: { name = \"X-Token\", template = \"{access_token}\" }")?;
        }
        (Some(_), _) => must(false, place, "it belongs to revoke.auth = \"header\"")?,
        (None, _) => {}
    }
    names_the_grant(manifest)
}

/// Whether a parameter names only what was captured.
fn param(manifest: &Manifest, text: &str) -> Checked {
    let place = "revoke.params";
    parts::closed(place, text)?;
    let stranger = template::names(text).into_iter().find(|name| !is_captured(manifest, name));
    let message = format!("`{}` is no captured value", stranger.unwrap_or_default());
    must(stranger.is_none(), place, message)
}

fn is_captured(manifest: &Manifest, name: &str) -> bool {
    manifest.token.capture.contains_key(name) || manifest.callback.capture.contains_key(name)
}

/// Whether the provider can tell which grant is meant.
fn names_the_grant(manifest: &Manifest) -> Checked {
    let revoke = &manifest.revoke;
    let in_header = revoke.header.as_ref().is_some_and(|spec| {
        template::names(&spec.template).iter().any(|name| matches!(*name, "token" | "access_token"))
    });
    let urls = &manifest.urls;
    let others = urls.alternatives.iter().filter_map(|other| other.revoke.as_ref());
    let all: Vec<_> =
        urls.revoke.iter().chain(others).flat_map(super::super::UrlSpec::all).collect();
    let in_url = !all.is_empty() && all.iter().all(|url| template::names(url).contains(&"token"));
    let in_params = revoke
        .params
        .values()
        .any(|text| template::names(text).into_iter().any(|name| is_captured(manifest, name)));
    let named = in_header || in_url || in_params;
    must(
        !revoke.token_param.is_empty() || revoke.auth == RevokeAuth::Bearer || named,
        "revoke.token_param",
        "nothing would say which grant is to end",
    )
}
