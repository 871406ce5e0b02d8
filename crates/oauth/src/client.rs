//! The client, and how it identifies itself (RFC 6749, section 2.3).

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString};
use base64::{Engine, engine::general_purpose::STANDARD};
use connector::{
    ClientAuth, ErrorKind, Manifest,
    manifest::{AssertionParam, HeaderSpec},
};
use http::{HeaderName, HeaderValue, header};
use outbound::ClientCertificate;
use url::form_urlencoded;

use crate::{Endpoints, Error, Proof, assertion, request::Params};

/// An OAuth client registered at the provider.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its public name.
    pub client_id: String,
    /// Its secret; none for a public client.
    pub client_secret: Option<SecretString>,
    /// Where the provider sends the browser back to, as registered.
    pub redirect_uri: String,
    /// How it identifies itself; none = as the manifest or the discovery document says.
    pub auth: Option<ClientAuth>,
    /// Where its assertions come from, if it proves itself with such.
    pub proof: Proof,
    /// What it shows in TLS, if it has a certificate.
    pub certificate: Option<ClientCertificate>,
}

impl Client {
    /// The client as it identifies itself at one endpoint; none = as elsewhere.
    pub(crate) fn identifying(&self, auth: Option<ClientAuth>) -> Self {
        Self { auth: auth.or(self.auth), ..self.clone() }
    }

    /// How this client identifies itself at this provider.
    fn method(&self, manifest: &Manifest, endpoints: &Endpoints) -> ClientAuth {
        // A private key is never sent, whatever anybody offers or chooses.
        if manifest.client.auth.keeps_its_key() {
            let none = self.auth == Some(ClientAuth::None);
            return if none { ClientAuth::None } else { manifest.client.auth };
        }
        if self.client_secret.is_none() {
            return ClientAuth::None;
        }
        if let Some(chosen) = self.auth {
            return chosen;
        }
        let declared = manifest.client.auth;
        let offered = |method: ClientAuth| {
            endpoints.token_auth_methods.iter().any(|name| name == registered_name(method))
        };
        // A manifest that names the token endpoint knows it better than a document does.
        if manifest.urls.token.is_some()
            || endpoints.token_auth_methods.is_empty()
            || offered(declared)
        {
            return declared;
        }
        [ClientAuth::Basic, ClientAuth::Post].into_iter().find(|m| offered(*m)).unwrap_or(declared)
    }

    /// Puts what identifies the client into the body; what belongs elsewhere is handed back.
    pub(crate) fn identify(
        &self,
        manifest: &Manifest,
        endpoints: &Endpoints,
        params: &mut Params,
    ) -> Result<Shown, Error> {
        self.header(manifest, endpoints, params).map(|header| self.showing(header))
    }

    /// A header, and the certificate that goes with every request of this client.
    pub(crate) fn showing(&self, header: Option<Header>) -> Shown {
        Shown { header, certificate: self.certificate.clone() }
    }

    /// What identifies the client in a header; what does so in the body is put there.
    pub(crate) fn header(
        &self,
        manifest: &Manifest,
        endpoints: &Endpoints,
        params: &mut Params,
    ) -> Result<Option<Header>, Error> {
        let spec = &manifest.client;
        match (self.method(manifest, endpoints), &self.client_secret) {
            (ClientAuth::Basic, Some(secret)) => Ok(Some(basic(&self.client_id, secret))),
            (ClientAuth::Post, Some(secret)) => {
                params.set(&spec.id_param, &self.client_id);
                params.set(&spec.secret_param, secret.expose_secret());
                Ok(None)
            }
            (ClientAuth::Header, Some(secret)) => {
                let header = spec.header.as_ref().ok_or_else(|| {
                    let text = "the manifest does not say in which header the client's secret goes";
                    Error::unsent(ErrorKind::Invalid, text)
                })?;
                if !header.template.contains("{client_id}") {
                    params.set(&spec.id_param, &self.client_id);
                }
                let values = [
                    ("client_id", self.client_id.as_str()),
                    ("client_secret", secret.expose_secret()),
                ];
                filled(header, &values.into()).map(Some)
            }
            (ClientAuth::PrivateKeyJwt, _) => {
                params.set(&spec.id_param, &self.client_id);
                self.assert(manifest, endpoints, params).map(|()| None)
            }
            // With a certificate too: by the id it is looked up (RFC 8705, section 2).
            _ => {
                params.set(&spec.id_param, &self.client_id);
                Ok(None)
            }
        }
    }

    fn assert(
        &self,
        manifest: &Manifest,
        endpoints: &Endpoints,
        params: &mut Params,
    ) -> Result<(), Error> {
        let spec = manifest.client.assertion.as_ref().ok_or_else(|| {
            let text = "the manifest does not say how the client's assertion is signed";
            Error::unsent(ErrorKind::Invalid, text)
        })?;
        let assertion = assertion::of(self, spec, endpoints)?;
        match spec.param {
            AssertionParam::ClientAssertion => {
                params.set("client_assertion_type", assertion::TYPE);
                params.set("client_assertion", &assertion);
            }
            AssertionParam::ClientSecret => params.set(&manifest.client.secret_param, &assertion),
        }
        Ok(())
    }

    /// HTTP Basic with id and secret.
    pub(crate) fn basic(&self) -> Result<Header, Error> {
        let secret = self.client_secret.as_ref().ok_or_else(|| {
            let text = "this needs the client's secret, and the client has none";
            Error::unsent(ErrorKind::ClientConfig, text)
        })?;
        Ok(basic(&self.client_id, secret))
    }
}

/// A client's secret that holds a certificate (`client.certificate`), taken apart: what is sent, which stands on
/// a line before the PEM, and what is shown in TLS. Says what is wrong with it, and quotes nothing.
pub fn take_apart(
    manifest: &Manifest,
    secret: &SecretString,
) -> Result<(Option<SecretString>, ClientCertificate), String> {
    let text = secret.expose_secret();
    let certificate = ClientCertificate::from_pem(text).map_err(|error| error.to_string())?;
    let sent = text.split("-----BEGIN ").next().unwrap_or_default().trim();
    let wanted = !manifest.client.auth.keeps_its_key() && manifest.client.auth != ClientAuth::None;
    match (wanted, sent) {
        (true, "") => Err("the secret itself does not stand on a line before it".to_owned()),
        (true, _) if sent.chars().any(char::is_control) => {
            Err("what stands before it is more than one line".to_owned())
        }
        (true, _) => Ok((Some(SecretString::from(sent)), certificate)),
        (false, "") => Ok((None, certificate)),
        (false, _) => Err("something stands before it".to_owned()),
    }
}

/// What identifies the client besides the body.
#[derive(Default)]
pub(crate) struct Shown {
    /// In a header.
    pub(crate) header: Option<Header>,
    /// In TLS.
    pub(crate) certificate: Option<ClientCertificate>,
}

impl Shown {
    /// A header alone.
    pub(crate) fn header(header: Header) -> Self {
        Self { header: Some(header), certificate: None }
    }
}

/// A header that holds a secret.
pub(crate) type Header = (HeaderName, HeaderValue);

/// A header of the manifest's, with secrets filled in.
pub(crate) fn filled(spec: &HeaderSpec, values: &BTreeMap<&str, &str>) -> Result<Header, Error> {
    let wrong = || {
        let text = format!("the header `{}` can't be sent with what goes into it", spec.name);
        Error::unsent(ErrorKind::Invalid, text)
    };
    let name = HeaderName::try_from(&spec.name).map_err(|_| wrong())?;
    let text = connector::fill_header(&spec.template, values).ok_or_else(wrong)?;
    let mut value = HeaderValue::try_from(text).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The name in `token_endpoint_auth_methods_supported`.
fn registered_name(method: ClientAuth) -> &'static str {
    match method {
        ClientAuth::Post => "client_secret_post",
        ClientAuth::Basic => "client_secret_basic",
        // Nobody's document names it.
        ClientAuth::Header => "",
        ClientAuth::PrivateKeyJwt => "private_key_jwt",
        ClientAuth::Mtls => "tls_client_auth",
        ClientAuth::None => "none",
    }
}

/// HTTP Basic; id and secret are form-encoded first (RFC 6749, section 2.3.1), so that a colon in one
/// of them does not shift the border.
fn basic(id: &str, secret: &SecretString) -> Header {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret.expose_secret()));
    let text = format!("Basic {}", STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(text).expect("base64 may stand in a header");
    value.set_sensitive(true);
    (header::AUTHORIZATION, value)
}
