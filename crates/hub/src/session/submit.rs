//! What a person fills in: a key, or what is exchanged for a token.

use std::collections::BTreeMap;

use connector::{AuthKind, Credential, ErrorKind, Inputs};

use super::{
    Fault, Session, finish,
    link::{app_of, check_linking, finish_with, provider_failed, wanted_scopes},
};
use crate::{
    Error, Result,
    connection::Stored,
    integration::{App, proof},
    provider::Registry,
    store::Store,
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
        AuthKind::SessionExchange | AuthKind::JwtBearer => {
            check_key(&app, &inputs)?;
            exchange(store, registry, row, &app, &inputs).await?
        }
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

/// A key that signs nothing is told before anything is sent.
fn check_key(app: &App, inputs: &Inputs) -> Result<()> {
    let manifest = app.connector.manifest();
    let Some(spec) = &manifest.assertion else { return Ok(()) };
    let Some(key) = inputs.secret(&spec.key) else { return Ok(()) };
    oauth::check_key(spec.algorithm, key).map_err(|wanted| {
        let label = manifest.input(&spec.key).map_or(spec.key.as_str(), |input| &input.label);
        Error::invalid("input_invalid", format!("`{label}` must be {wanted}."))
            .with("input", spec.key.clone())
    })
}

/// Exchanges what was filled in for a first token.
async fn exchange(
    store: &Store,
    registry: &Registry,
    row: &Session,
    app: &App,
    inputs: &Inputs,
) -> Result<Credential> {
    let endpoints = app.endpoints(store, registry, inputs).await?;
    let connector = app.connector.as_ref();
    let (outbound, now) = (registry.outbound(), store.now());
    let begun = if connector.manifest().auth.kind == AuthKind::SessionExchange {
        oauth::session::begin(outbound, now, connector, &endpoints, inputs).await
    } else {
        let (proof, scopes) = (proof(store), wanted_scopes(row, app));
        oauth::jwt_bearer::begin(outbound, now, connector, &endpoints, &proof, inputs, &scopes)
            .await
    };
    match begun {
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
