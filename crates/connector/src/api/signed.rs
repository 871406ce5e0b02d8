//! Requests that are signed one by one (OAuth 1.0a): those that are sent here, and those that another sends.

use base::SecretString;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::{Url, form_urlencoded};

use super::Api;
use crate::{Error, ErrorKind, manifest::Oauth1Signature};

impl Api {
    /// The signature of a request of OAuth 1.0a, by the client's secret of this turn; none where requests are not
    /// signed.
    pub(super) fn signed(
        &self,
        turn: usize,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<HeaderValue>, Error> {
        let Some((token, secret)) = &self.pair else { return Ok(None) };
        let signing = self.signing.as_ref();
        let found = signing.and_then(|signing| Some((signing, signing.secret(turn)?)));
        let (signing, client_secret) = found.ok_or_else(|| {
            let text = "requests to this API are signed, and there is no client to sign with; nothing was sent";
            Error::new(ErrorKind::ClientConfig, text)
        })?;
        let request = (method, url, headers, body);
        Ok(Some(signing.header(client_secret, self.signature, (token, secret), request)))
    }

    /// Whether a request that was refused may be signed anew, by a former secret of the client's: it was not
    /// acted upon. While a client changes its secret, no grant has ended.
    pub(super) fn signs_again(&self, turn: usize, status: StatusCode) -> bool {
        let next = self.signing.as_ref().and_then(|signing| signing.secret(turn + 1));
        status == StatusCode::UNAUTHORIZED && self.pair.is_some() && next.is_some()
    }

    /// Whether a request that somebody else sends may be signed: the credential may go to this whole URL, and
    /// what may be asked ([`Api::within`]) opens it.
    pub fn may_sign(&self, method: &Method, url: &str) -> Result<Url, Error> {
        let invalid = |message: &str| Error::new(ErrorKind::Invalid, message);
        if self.signature == Oauth1Signature::Plaintext {
            let text =
                "a signature by PLAINTEXT is made of the secrets themselves, which stay here";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let url = Url::parse(url).map_err(|_| invalid("`url` is no whole URL"))?;
        if url.fragment().is_some() || !self.may_have_the_credential(&url) {
            return Err(invalid("`url` is not one of this API's: nothing is signed for it"));
        }
        // A body that is not signed could be anything, so what looks into bodies opens nothing here.
        self.check_open(method, &url, b"")?;
        Ok(url)
    }

    /// The `Authorization` header of one request of OAuth 1.0a that somebody else sends. `form` are the fields of
    /// its body.
    pub fn sign_for(
        &self,
        method: &Method,
        url: &str,
        form: &[(String, String)],
    ) -> Result<SecretString, Error> {
        let invalid = |message: &str| Error::new(ErrorKind::Invalid, message);
        let url = self.may_sign(method, url)?;
        let mut headers = HeaderMap::new();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        if !form.is_empty() {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, kind);
        }
        let signed = self.signed(0, method, &url, &headers, body.as_bytes())?;
        let signed = signed.ok_or_else(|| invalid("requests to this API are not signed"))?;
        let text = signed.to_str().map_err(|_| invalid("this request can't be signed"))?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
#[path = "signed_tests.rs"]
mod tests;
