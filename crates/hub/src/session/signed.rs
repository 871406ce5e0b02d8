//! The way there and back with OAuth 1.0a: temporary credentials first, a verifier at the end.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString};
use connector::{Credential, Inputs};
use oauth::oauth1::{self, Temporary};

use super::{
    Session,
    link::{Broken, Flow, Proof, Start, Way, asked, keep_flow, provider_failed},
};
use crate::{
    Result,
    integration::{self, App},
    provider::Registry,
    store::Store,
};

/// Gets temporary credentials, keeps them sealed, and says where the browser goes.
pub(super) async fn to_provider(
    store: &Store,
    registry: &Registry,
    row: &Session,
    app: &App,
    inputs: &Inputs,
    answers: &BTreeMap<String, String>,
) -> Result<Start> {
    let asked = asked(store, registry, row, app, inputs).await?;
    let begun = integration::with_secrets(&asked.clients, |client| {
        oauth1::begin(
            registry.outbound(),
            store.now(),
            store.rng(),
            app.connector.as_ref(),
            &asked.endpoints,
            client,
            &asked.scopes,
            &asked.options,
        )
    })
    .await
    .map_err(|error| provider_failed(app, &error))?;
    let proof = Proof::Temporary {
        token: begun.temporary.token.expose_secret().to_owned(),
        token_secret: begun.temporary.secret.expose_secret().to_owned(),
    };
    let flow = Flow { proof, inputs: answers.clone() };
    keep_flow(store, row, app, &begun.state, &flow).await?;
    Ok(Start::Provider(begun.url))
}

impl Way<'_> {
    /// A verifier becomes a token and its secret.
    pub(super) async fn verifier(
        &self,
        query: &[(String, String)],
        token: String,
        token_secret: String,
    ) -> Result<Credential, Broken> {
        let temporary = Temporary {
            token: SecretString::from(token),
            secret: SecretString::from(token_secret),
        };
        let verifier = oauth1::read_callback(&temporary, query).map_err(|error| match error {
            // The state was right, and yet it is no answer to what was asked.
            oauth::CallbackError::OtherToken => Broken::Stranger,
            error => Broken::Refused(error),
        })?;
        let pair = integration::with_secrets(self.clients, |client| {
            oauth1::exchange(
                self.registry.outbound(),
                self.store.now(),
                self.store.rng(),
                self.app.connector.as_ref(),
                self.endpoints,
                client,
                &temporary,
                &verifier,
            )
        })
        .await
        .map_err(Broken::Failed)?;
        Ok(Credential::OAuth1(pair))
    }
}
