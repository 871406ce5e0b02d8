//! The authorization request (RFC 6749, section 4.1.1).

use base::{ExposeSecret, Rng, SecretString, random_token};
use connector::{Connector, ErrorKind, Manifest, manifest::Pkce};
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use outbound::Outbound;
use url::Url;

use crate::{
    Client, Endpoints, Error, par, request,
    request::{Params, with_query},
    scope,
};

/// What one authorization asks for beyond the manifest.
#[derive(Clone, Debug, Default)]
pub struct AuthorizeOptions {
    /// Whether the provider must ask the person even if they agreed before.
    pub force_consent: bool,
    /// Which account the provider may suggest (OpenID Connect Core, section 3.1.2.1).
    pub login_hint: Option<String>,
}

/// An authorization that was begun.
pub struct Authorization {
    /// Where the browser goes.
    pub url: Url,
    /// What the callback must bring back.
    pub state: SecretString,
    /// What the `id_token` must name, where OpenID Connect is asked for.
    pub nonce: Option<SecretString>,
    /// What the exchange must prove to know (RFC 7636).
    pub pkce_verifier: SecretString,
}

/// The longest login hint: the longest e-mail address has fewer characters.
const LONGEST_HINT: usize = 320;

/// Begins an authorization for these scopes and the manifest's offline scopes.
///
/// State, verifier and nonce are fresh. Sends a request only where the server takes pushed
/// authorization requests (RFC 9126); if it refuses one that it does not insist on, the parameters
/// go by the browser.
pub async fn authorize(
    outbound: &Outbound,
    rng: &dyn Rng,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    scopes: &[String],
    options: &AuthorizeOptions,
) -> Result<Authorization, Error> {
    let manifest = connector.manifest();
    let page = request::need(manifest, endpoints.authorize.as_ref(), "authorization")?;
    check_pkce(manifest, endpoints, client)?;
    let scopes = scope::wanted(manifest, scopes.iter().chain(&manifest.authorize.offline_scopes))?;
    let state = SecretString::from(random_token(rng));
    let pkce_verifier = SecretString::from(random_token(rng));
    let nonce = scopes.contains(&"openid").then(|| SecretString::from(random_token(rng)));

    let mut params = Params::default();
    params.set_all(&manifest.authorize.params);
    if options.force_consent {
        params.set_all(&manifest.authorize.consent_params);
    }
    if let Some(hint) = &options.login_hint {
        if hint.len() > LONGEST_HINT || hint.chars().any(char::is_control) {
            return Err(Error::unsent(
                ErrorKind::Invalid,
                "the login hint is not an account's name",
            ));
        }
        params.set("login_hint", hint);
    }
    // What keeps the flow safe comes last: no fixed parameter takes its place.
    params.set("response_type", "code");
    params.set("client_id", &client.client_id);
    params.set("redirect_uri", &client.redirect_uri);
    params.set("state", state.expose_secret());
    let spec = &manifest.authorize;
    if !spec.scopes_on_app {
        set_scopes(manifest, &scopes, &mut params);
    }
    if spec.pkce != Pkce::Never {
        params.set("code_challenge", &challenge(&pkce_verifier));
        params.set("code_challenge_method", "S256");
    }
    params.set_some("nonce", nonce.as_ref().map(ExposeSecret::expose_secret));
    spec.omit.iter().for_each(|name| params.remove(name));
    let params = renamed(manifest, &params);
    let params = match par::push(outbound, manifest, endpoints, client, &params).await? {
        Some(reference) => renamed(manifest, &reference),
        None => params,
    };
    Ok(Authorization { url: with_query(page, &params), state, nonce, pkce_verifier })
}

/// Whether the flow can be kept safe: by PKCE, or at least by the client's secret.
fn check_pkce(manifest: &Manifest, endpoints: &Endpoints, client: &Client) -> Result<(), Error> {
    let name = &manifest.display_name;
    let methods = &endpoints.pkce_methods;
    match manifest.authorize.pkce {
        Pkce::Never if client.client_secret.is_none() => {
            let text = format!("{name} takes no PKCE, so its client needs a secret; enter it");
            Err(Error::unsent(ErrorKind::ClientConfig, text))
        }
        Pkce::Required if !methods.is_empty() && !methods.iter().any(|known| known == "S256") => {
            let text = format!("{name} does not take PKCE with S256, which its manifest requires");
            Err(Error::unsent(ErrorKind::Unsupported, text))
        }
        _ => Ok(()),
    }
}

/// The scopes, each in the parameter that it belongs to.
pub(crate) fn set_scopes(manifest: &Manifest, scopes: &[&str], params: &mut Params) {
    let spec = &manifest.authorize;
    let of_the_user = |scope: &&str| manifest.scope(scope).is_some_and(|known| known.user);
    let (user, app): (Vec<&str>, Vec<&str>) = scopes.iter().partition(|scope| of_the_user(scope));
    for (name, scopes) in [(Some(&spec.scope_param), app), (spec.user_scope_param.as_ref(), user)] {
        if let Some(name) = name.filter(|_| !scopes.is_empty()) {
            params.set(name, &scopes.join(&spec.scope_separator));
        }
    }
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
fn challenge(verifier: &SecretString) -> String {
    let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
    PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str().to_owned()
}

/// The parameters under the provider's names.
fn renamed(manifest: &Manifest, params: &Params) -> Params {
    let mut renamed = Params::default();
    for (name, value) in params.iter() {
        renamed.set(manifest.authorize.rename.get(name).map_or(name, String::as_str), value);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_query_of_the_page_stays_and_a_space_is_no_plus() {
        let mut params = Params::default();
        params.set("scope", "a b+c&d");
        let page = Url::parse("https://login.example.com/authorize?tenant=1").unwrap();
        let url = with_query(&page, &params);
        assert_eq!(
            url.as_str(),
            "https://login.example.com/authorize?tenant=1&scope=a%20b%2Bc%26d"
        );
    }
}
