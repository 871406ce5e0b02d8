//! Parameters of a query or a form.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use url::form_urlencoded;

use super::error::Error;

/// The most parameters, and the most bytes of one.
const MOST: usize = 64;
const LONGEST: usize = 4096;

/// In the order in which they came.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Of a query, or a form's body.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Error> {
        let pairs: Vec<_> = form_urlencoded::parse(text).into_owned().take(MOST + 1).collect();
        if pairs.len() > MOST {
            return Err(Error::request("More than 64 parameters."));
        }
        if pairs.iter().any(|(name, value)| name.len().max(value.len()) > LONGEST) {
            return Err(Error::request("A parameter is longer than 4096 bytes."));
        }
        Ok(Self(pairs))
    }

    /// Of a posted form, which says that it is one.
    pub(super) fn form(headers: &HeaderMap, body: &Bytes) -> Result<Self, Error> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Error::request("Send a form: application/x-www-form-urlencoded."));
        }
        Self::parse(body)
    }

    /// The one value of this name. An empty one is none; two are an error (RFC 6749, section 3.1).
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Error> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Error::request("A parameter is there twice."));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// The one value of this name, which must be there.
    pub(super) fn needed(&self, name: &str, without: &'static str) -> Result<&str, Error> {
        self.one(name)?.ok_or(Error::request(without))
    }

    /// Every value of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
