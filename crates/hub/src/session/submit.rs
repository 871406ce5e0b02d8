//! What a person fills in: a key, or what a session is begun with.

use std::collections::BTreeMap;

use connector::{AuthKind, Credential, ErrorKind, Inputs};

use super::{
    Fault, Session, finish,
    link::{app_of, check_linking, finish_with, provider_failed},
};
use crate::{
    Error, Result, connection::Stored, integration::App, provider::Registry, store::Store,
};

/// A key or a user and password, as filled in; checked with the provider before it counts.
pub async fn submit(
    store: &Store,
    registry: &Registry,
    row: &Session,
    answers: &BTreeMap<String, String>,
) -> Result<()> {
    check_linking(row)?;
    let app = app_of(store, registry, row).await?;
    let manifest = app.connector.manifest();
    if !manifest.auth.kind.is_filled_in() {
        return Err(Error::invalid(
            "no_key_needed",
            "This app is linked at the provider's own page.",
        ));
    }
    let inputs = app.inputs(answers)?;
    let credential = manifest.credential_from(&inputs).map_err(|error| {
        Error::invalid("input_invalid", error.to_string()).with("input", error.input)
    })?;
    let credential = match manifest.auth.kind {
        AuthKind::SessionExchange => begin_session(store, registry, row, &app, &inputs).await?,
        _ => credential,
    };
    let open: BTreeMap<String, String> = answers
        .iter()
        .filter(|(name, _)| manifest.inputs.iter().any(|i| &&i.name == name && !i.secret))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let stored = Stored { inputs: open, credential };
    finish_with(store, registry, row, &app, stored, &inputs).await
}

/// Exchanges what was filled in for a first session.
async fn begin_session(
    store: &Store,
    registry: &Registry,
    row: &Session,
    app: &App,
    inputs: &Inputs,
) -> Result<Credential> {
    let endpoints = app.endpoints(store, registry, inputs).await?;
    let connector = app.connector.as_ref();
    let begun =
        oauth::session::begin(registry.outbound(), store.now(), connector, &endpoints, inputs);
    match begun.await {
        Ok(tokens) => Ok(Credential::OAuth(tokens)),
        Err(error) => {
            finish::failed(store, row, Fault::ProviderUnavailable).await?;
            Err(match error.kind() {
                ErrorKind::Reauthorize | ErrorKind::Denied | ErrorKind::Invalid => {
                    app.refused(&error)
                }
                _ => provider_failed(app, &error),
            })
        }
    }
}
