//! OAuth 1.0a: its keys, and those of OAuth 2.0 that say nothing there.

use super::{Checked, must};
use crate::{
    Manifest,
    manifest::{
        AuthKind, Authorize, Callback, ClientSpec, Errors, Lifetime, Oauth1Signature, Pkce,
        RefreshSpec, Revoke, TokenSpec, UrlSpec,
    },
};

pub(super) fn check(manifest: &Manifest) -> Checked {
    let urls = &manifest.urls;
    if manifest.auth.kind != AuthKind::Oauth1 {
        let others = urls.alternatives.iter().any(|other| other.request_token.is_some());
        must(
            urls.request_token.is_none() && !others,
            "urls.request_token",
            "it belongs to auth.kind = \"oauth1\"",
        )?;
        return must(manifest.oauth1.is_none(), "oauth1", "it belongs to auth.kind = \"oauth1\"");
    }
    endpoints(manifest)?;
    authorize(&manifest.authorize)?;
    nothing_of_oauth2(manifest)?;
    plaintext(manifest)
}

/// No discovery, no refresh, no revocation: the RFC has none.
fn endpoints(manifest: &Manifest) -> Checked {
    must(manifest.issuer.is_none(), "issuer", "OAuth 1.0a discovers nothing: write the URLs")?;
    let urls = &manifest.urls;
    let none = "OAuth 1.0a has no such endpoint";
    let others = &urls.alternatives;
    for (place, there) in [
        ("urls.refresh", urls.refresh.is_some() || others.iter().any(|o| o.refresh.is_some())),
        ("urls.exchange", urls.exchange.is_some()),
        ("urls.introspect", urls.introspect.is_some()),
        ("urls.revoke", urls.revoke.is_some() || others.iter().any(|o| o.revoke.is_some())),
        ("urls.userinfo", urls.userinfo.is_some() || others.iter().any(|o| o.userinfo.is_some())),
    ] {
        must(!there, place, none)?;
    }
    Ok(())
}

/// Parameters that only the hub puts into the authorize URL.
const OURS: [&str; 4] = ["oauth_token", "oauth_callback", "oauth_verifier", "state"];

fn authorize(spec: &Authorize) -> Checked {
    let params = spec.params.keys().chain(spec.consent_params.keys());
    let names = params.chain([&spec.scope_param]).map(String::as_str);
    let ours = names.into_iter().find(|name| OURS.contains(name) || name.starts_with("oauth_"));
    let message = format!("`{}` is set by the hub", ours.unwrap_or_default());
    must(ours.is_none(), "authorize.params", message)?;
    let unknown = "OAuth 1.0a has nothing like it";
    must(spec.rename.is_empty(), "authorize.rename", unknown)?;
    must(spec.omit.is_empty(), "authorize.omit", unknown)?;
    must(spec.offline_scopes.is_empty(), "authorize.offline_scopes", unknown)?;
    must(spec.user_scope_param.is_none(), "authorize.user_scope_param", unknown)?;
    must(spec.pkce == Pkce::default(), "authorize.pkce", "OAuth 1.0a has no PKCE: leave it out")
}

/// A key that would be read by nobody is refused.
fn nothing_of_oauth2(manifest: &Manifest) -> Checked {
    let token = TokenSpec {
        capture: manifest.token.capture.clone(),
        headers: manifest.token.headers.clone(),
        ..TokenSpec::default()
    };
    must(
        manifest.token == token,
        "token",
        "of it OAuth 1.0a has `capture` and `headers` only; oauth1.token_method says how it is sent",
    )?;
    let errors = Errors { dead: manifest.errors.dead.clone(), ..Errors::default() };
    must(manifest.errors == errors, "errors", "of it OAuth 1.0a has `dead` only")?;
    for (place, plain) in [
        ("callback", manifest.callback == Callback::default()),
        ("client", manifest.client == ClientSpec::default()),
        ("refresh", manifest.refresh == RefreshSpec::default()),
        ("lifetime", manifest.lifetime == Lifetime::default()),
        ("revoke", manifest.revoke == Revoke::default()),
    ] {
        must(plain, place, "it says nothing with OAuth 1.0a: leave it out")?;
    }
    Ok(())
}

/// Secrets that stand in requests as they are go over TLS only, on this machine too.
fn plaintext(manifest: &Manifest) -> Checked {
    if manifest.oauth1().signature != Oauth1Signature::Plaintext {
        return Ok(());
    }
    let urls = &manifest.urls;
    let specs = [&urls.request_token, &urls.token].into_iter().flatten().flat_map(UrlSpec::all);
    let plain = specs.chain(manifest.api.base.as_deref()).find(|url| url.starts_with("http://"));
    must(
        plain.is_none(),
        "oauth1.signature",
        "`plaintext` sends the secrets as they are: every address must be https://",
    )
}
