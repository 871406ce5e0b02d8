//! What the browser brings back (RFC 6749, section 4.1.2).

use std::collections::BTreeMap;

use base::{SecretString, constant_time_eq};
use connector::{Manifest, manifest::CallbackVerify};
use url::form_urlencoded;

use crate::{Client, Endpoints};

/// Why a callback brings no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The person said no; with the provider's code.
    #[error("the access was declined at the provider (`{0}`)")]
    Denied(String),
    /// An administrator of the person's organization has to agree first; with the provider's code.
    #[error("an administrator has to allow this app at the provider first (`{0}`)")]
    AdminRequired(String),
    /// It is not a callback as the provider would send it; with what is wrong.
    #[error("the provider's answer can't be read: {0}; start again")]
    Malformed(String),
    /// It does not hold the provider's signature.
    #[error("the answer is not signed by the provider; start again")]
    Unsigned,
    /// Another server than the one that was asked has answered (RFC 9207).
    #[error("the answer does not come from the provider that was asked; start again")]
    IssuerMismatch,
    /// It is about other temporary credentials than those that the browser was sent with (OAuth 1.0a).
    #[error("the answer belongs to another attempt; start again")]
    OtherToken,
    /// The provider could not do it; with its code.
    #[error("the provider did not finish the link (`{0}`); try again later")]
    ProviderError(String),
}

/// A callback with a code.
pub struct CallbackAnswer {
    /// The code, to be exchanged once.
    pub code: SecretString,
    /// Values that the manifest wants kept, by their name in templates.
    pub captured: BTreeMap<String, String>,
}

/// The most parameters.
pub(crate) const MOST: usize = 50;
/// The longest code, in bytes.
pub(crate) const LONGEST_CODE: usize = 8 * 1024;
/// The longest other value, in bytes.
const LONGEST: usize = 500;

/// Reads a callback's query; the state is the caller's to compare, and first.
///
/// `clients`: with the present secret, and with former ones that still count. Where the manifest says that
/// callbacks are signed, one without a good signature brings no code.
pub fn read_callback(
    manifest: &Manifest,
    endpoints: &Endpoints,
    clients: &[Client],
    query: &[(String, String)],
) -> Result<CallbackAnswer, CallbackError> {
    if query.len() > MOST {
        return Err(CallbackError::Malformed("it has too many parameters".to_owned()));
    }
    check_issuer(endpoints, query)?;
    if let Some(code) = only(query, "error")?.filter(|code| !code.is_empty()) {
        let description = only(query, "error_description")?.unwrap_or_default();
        return Err(refusal(code, description));
    }
    if manifest.callback.verify == CallbackVerify::HmacQuery && !is_signed(clients, query)? {
        return Err(CallbackError::Unsigned);
    }
    let code = only(query, &manifest.callback.code_param)?.unwrap_or_default();
    if code.is_empty() {
        return Err(CallbackError::Malformed("it has neither a code nor an error".to_owned()));
    }
    if code.len() > LONGEST_CODE || code.chars().any(char::is_control) {
        return Err(CallbackError::Malformed("its code is none".to_owned()));
    }
    let mut captured = BTreeMap::new();
    for (name, capture) in &manifest.callback.capture {
        let parameter = capture.from();
        let Some(value) = only(query, parameter)?.filter(|value| !value.is_empty()) else {
            continue;
        };
        if value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(CallbackError::Malformed(format!("its `{parameter}` is too long")));
        }
        if !capture.fits(value) {
            let text = format!("its `{parameter}` is not as this provider writes it");
            return Err(CallbackError::Malformed(text));
        }
        captured.insert(name.clone(), value.to_owned());
    }
    Ok(CallbackAnswer { code: SecretString::from(code), captured })
}

/// Whether the parameter `hmac` is that of all others with a secret of the client's.
fn is_signed(clients: &[Client], query: &[(String, String)]) -> Result<bool, CallbackError> {
    let Some(given) = only(query, "hmac")? else { return Ok(false) };
    let given = given.to_ascii_lowercase();
    let mut others: Vec<_> = query.iter().filter(|(name, _)| name != "hmac").collect();
    others.sort();
    // Encoded as a query is, and as older documentation has it: `&` and `%` alone.
    let mut whole = form_urlencoded::Serializer::new(String::new());
    whole.extend_pairs(others.iter().copied());
    let plain = |text: &str| text.replace('%', "%25").replace('&', "%26");
    let bare: Vec<_> = others
        .iter()
        .map(|(name, value)| format!("{}={}", plain(name).replace('=', "%3D"), plain(value)))
        .collect();
    let forms = [whole.finish(), bare.join("&")];
    let secrets = clients.iter().filter_map(|client| client.client_secret.as_ref());
    let mut all = secrets.flat_map(|secret| forms.iter().map(move |form| (secret, form)));
    Ok(all.any(|(secret, form)| {
        let expected = connector::hmac_sha256_hex(secret, form);
        constant_time_eq(expected.as_bytes(), given.as_bytes())
    }))
}

/// The parameter of this name; twice is an error (RFC 6749, section 3.1).
pub(crate) fn only<'a>(
    query: &'a [(String, String)],
    name: &str,
) -> Result<Option<&'a str>, CallbackError> {
    let mut values =
        query.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let first = values.next();
    match values.next() {
        Some(_) => Err(CallbackError::Malformed(format!("`{name}` is there twice"))),
        None => Ok(first),
    }
}

/// Whether the server that was asked has answered (RFC 9207, section 2.4): also for errors.
fn check_issuer(endpoints: &Endpoints, query: &[(String, String)]) -> Result<(), CallbackError> {
    // Without discovery the server's name is not known, and `iss` says nothing.
    let Some(expected) = &endpoints.issuer else { return Ok(()) };
    match only(query, "iss")? {
        Some(issuer) if issuer == expected => Ok(()),
        Some(_) => Err(CallbackError::IssuerMismatch),
        None if endpoints.iss_in_callback => Err(CallbackError::IssuerMismatch),
        None => Ok(()),
    }
}

/// What Microsoft writes into the description where only an administrator can agree.
const ADMIN_MARKS: [&str; 3] = ["AADSTS65001", "AADSTS90094", "AADSTS90095"];

fn refusal(code: &str, description: &str) -> CallbackError {
    // Anyone can write it into a URL, and it is shown.
    let shown: String = code.chars().filter(char::is_ascii_graphic).take(100).collect();
    if ADMIN_MARKS.iter().any(|mark| description.contains(mark)) {
        return CallbackError::AdminRequired(shown);
    }
    match shown.to_ascii_lowercase().as_str() {
        "access_denied" | "user_cancelled_authorize" | "user_cancelled_login" => {
            CallbackError::Denied(shown)
        }
        "admin_consent_required"
        | "admin_policy_enforced"
        | "consent_required"
        | "interaction_required"
        | "oauth_app_blocked"
        | "org_internal" => CallbackError::AdminRequired(shown),
        _ => CallbackError::ProviderError(shown),
    }
}
