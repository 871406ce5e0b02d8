//! Credentials in a reply (RFC 5849, sections 2.1 and 2.3).

use base::SecretString;
use serde_json::Value;

use super::TokenPair;
use crate::{
    Error, Manifest,
    token::{MOST_TOKEN, captured, token, unreadable},
};

/// Reads a token and its secret; `body` are the reply's fields.
///
/// The secret may be empty: then the client's alone signs. A reply that does not name it is none.
pub fn read_pair(manifest: &Manifest, body: &Value) -> Result<TokenPair, Error> {
    let of = |name: &str| [name.to_owned()];
    let found = token(body, &of("oauth_token"), "token")?
        .ok_or_else(|| unreadable("the reply has no oauth_token".to_owned()))?;
    let secret = body
        .get("oauth_token_secret")
        .and_then(Value::as_str)
        .ok_or_else(|| unreadable("the reply has no oauth_token_secret".to_owned()))?;
    let sound = secret.len() <= MOST_TOKEN && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound {
        return Err(unreadable("the reply's oauth_token_secret is none".to_owned()));
    }
    Ok(TokenPair {
        token: found,
        secret: SecretString::from(secret),
        captured: captured(manifest, body),
    })
}
