//! AWS signature version 4, by AWS's own signer.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use base::{ExposeSecret, SecretString, Timestamp};
use bytes::Bytes;
use http::{Request, header};

use crate::Error;

/// An access key of AWS.
#[derive(Clone, Debug)]
pub struct AwsCredentials {
    /// Its id, which is no secret.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: SecretString,
    /// For temporary credentials.
    pub session_token: Option<SecretString>,
}

impl AwsCredentials {
    pub(super) fn check(&self) -> Result<(), Error> {
        let bad = |setting| Error::Setting {
            setting,
            why: "it is empty, too long, or has characters that none has".to_owned(),
        };
        let fits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !fits(&self.access_key_id, 128) {
            return Err(bad("AWS_ACCESS_KEY_ID"));
        }
        if !fits(self.secret_access_key.expose_secret(), 256) {
            return Err(bad("AWS_SECRET_ACCESS_KEY"));
        }
        match &self.session_token {
            Some(token) if !fits(token.expose_secret(), 8192) => Err(bad("AWS_SESSION_TOKEN")),
            _ => Ok(()),
        }
    }

    /// Signs a request as of `now`; the headers it has are signed with it.
    pub(super) fn sign(
        &self,
        region: &str,
        now: Timestamp,
        request: &mut Request<Bytes>,
    ) -> Result<(), Error> {
        let identity = Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose_secret(),
            self.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
            None,
            "valetkey",
        )
        .into();
        let since = Duration::from_millis(u64::try_from(now.millis()).unwrap_or_default());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("kms")
            .time(SystemTime::UNIX_EPOCH + since)
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| UNSIGNED)?
            .into();
        let instructions = {
            let headers = request.headers().iter().filter_map(|(name, value)| {
                value.to_str().ok().map(|value| (name.as_str(), value))
            });
            let uri = request.uri().to_string();
            let body = SignableBody::Bytes(request.body());
            let signable =
                SignableRequest::new("POST", &uri, headers, body).map_err(|_| UNSIGNED)?;
            sign(signable, &params).map_err(|_| UNSIGNED)?.into_parts().0
        };
        instructions.apply_to_request_http1x(request);
        for name in [header::AUTHORIZATION.as_str(), "x-amz-security-token"] {
            if let Some(value) = request.headers_mut().get_mut(name) {
                value.set_sensitive(true);
            }
        }
        Ok(())
    }
}

/// The signer takes everything that the checks let through.
const UNSIGNED: Error = Error::Malformed("a request to KMS can't be signed");
