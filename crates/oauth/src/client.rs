//! The client, and how it identifies itself (RFC 6749, section 2.3).

use base::{ExposeSecret, SecretString};
use base64::{Engine, engine::general_purpose::STANDARD};
use connector::{ClientAuth, Manifest};
use http::HeaderValue;
use url::form_urlencoded;

use crate::{Endpoints, request::Params};

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
}

impl Client {
    /// How this client identifies itself at this provider.
    fn method(&self, manifest: &Manifest, endpoints: &Endpoints) -> ClientAuth {
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

    /// Puts what identifies the client into the body; what belongs into the `Authorization` header is
    /// handed back.
    pub(crate) fn identify(
        &self,
        manifest: &Manifest,
        endpoints: &Endpoints,
        params: &mut Params,
    ) -> Option<HeaderValue> {
        match (self.method(manifest, endpoints), &self.client_secret) {
            (ClientAuth::Basic, Some(secret)) => Some(basic(&self.client_id, secret)),
            (ClientAuth::Post, Some(secret)) => {
                params.set("client_id", &self.client_id);
                params.set("client_secret", secret.expose_secret());
                None
            }
            _ => {
                params.set("client_id", &self.client_id);
                None
            }
        }
    }
}

/// The name in `token_endpoint_auth_methods_supported`.
fn registered_name(method: ClientAuth) -> &'static str {
    match method {
        ClientAuth::Post => "client_secret_post",
        ClientAuth::Basic => "client_secret_basic",
        ClientAuth::None => "none",
    }
}

/// HTTP Basic; id and secret are form-encoded first (RFC 6749, section 2.3.1), so that a colon in one
/// of them does not shift the border.
fn basic(id: &str, secret: &SecretString) -> HeaderValue {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret.expose_secret()));
    let text = format!("Basic {}", STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(text).expect("base64 may stand in a header");
    value.set_sensitive(true);
    value
}
