//! What a client asks a person for.

use super::{error::Error, params::Params, redirect::RedirectUri};
use crate::{Config, scope::Scopes};

/// The longest `state`.
const LONGEST_STATE: usize = 2000;

/// A checked authorization request.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizeRequest {
    pub(crate) client: String,
    pub(crate) redirect: RedirectUri,
    pub(crate) state: Option<String>,
    pub(crate) scopes: Scopes,
    /// PKCE's S256 challenge.
    pub(crate) challenge: String,
}

/// Why a request was refused, and whether the client may be told by way of the browser.
pub(super) enum Refused {
    /// Nothing leads back safely: a page says it.
    Here(Error),
    /// The redirect URI is good.
    There { redirect: Box<RedirectUri>, state: Option<String>, error: Error },
}

impl Refused {
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Here(error) | Self::There { error, .. } => *error,
        }
    }
}

impl AuthorizeRequest {
    /// Checks one, the redirect URI first.
    pub(super) fn check(config: &Config, params: &Params) -> Result<Self, Refused> {
        let (client, redirect) = way_back(config, params).map_err(Refused::Here)?;
        let state = params.one("state").ok().flatten().filter(|state| state.len() <= LONGEST_STATE);
        let state = state.map(str::to_owned);
        match asked(params) {
            Ok((scopes, challenge)) => Ok(Self { client, redirect, state, scopes, challenge }),
            Err(error) => Err(Refused::There { redirect: Box::new(redirect), state, error }),
        }
    }
}

fn way_back(config: &Config, params: &Params) -> Result<(String, RedirectUri), Error> {
    let id = params.needed("client_id", "client_id is missing.")?;
    let client =
        config.client(id).ok_or(Error::request("There is no client of this client_id."))?;
    let uri = params.needed("redirect_uri", "redirect_uri is missing.")?;
    let redirect = RedirectUri::read(uri)
        .ok_or(Error::request("This redirect_uri is not registered for the client."))?;
    Ok((client.id.clone(), redirect))
}

fn asked(params: &Params) -> Result<(Scopes, String), Error> {
    if params.one("state")?.is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(Error::request("state is longer than 2000 bytes."));
    }
    if params.needed("response_type", "response_type is missing.")? != "code" {
        return Err(Error::new("unsupported_response_type", "response_type must be code."));
    }
    let challenge = params.needed("code_challenge", "PKCE is required: send code_challenge.")?;
    if params.one("code_challenge_method")? != Some("S256") {
        return Err(Error::request("code_challenge_method must be S256."));
    }
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
        return Err(Error::request("code_challenge must be 43 characters of base64url."));
    }
    let scopes = params.one("scope")?.ok_or(Error::scope("Name at least one scope."))?;
    let scopes = Scopes::parse(scopes).filter(|scopes| !scopes.is_empty());
    let scopes = scopes.ok_or(Error::scope("A scope is unknown here."))?;
    Ok((scopes, challenge.to_owned()))
}
