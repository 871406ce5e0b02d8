//! "Test now": does a connection work?

use connector::Credential;
use sea_orm::ConnectionTrait;

use super::{Freshness, Refresher};
use crate::{
    Error, Result,
    connection::{self, Connection, State, Status, open_credential},
    integration::{self, App},
};

/// Asks the provider whose account it is, with a token that is refreshed first where it has ended or is
/// refused. What is found stands in the row's health.
pub async fn test(refresher: &Refresher, workspace: &str, id: &str) -> Result<Connection> {
    let store = &refresher.store;
    let mut row = connection::get(store, workspace, id).await?;
    if row.status == Status::Revoked {
        return Err(Error::conflict(
            "connection_revoked",
            "This connection has ended. Link the account again to get a new one.",
        ));
    }
    if row.status == Status::Held {
        // A person asks for it: the token that the backup had is tried, and what comes of it stands.
        row = connection::set_enabled(store, workspace, id, true).await?;
        row = refreshed(refresher, row).await?;
    }
    let over = row.expires_at.is_some_and(|end| end <= store.now().millis());
    if over {
        row = refreshed(refresher, row).await?;
    }
    if row.state == State::Reauth {
        return Ok(row);
    }
    let mut asked = ask(refresher, &row).await;
    let refused = asked.as_ref().err().is_some_and(|error| error.code == "credential_refused");
    if refused && !over && row.due_at.is_some() {
        let newer = refreshed(refresher, row.clone()).await?;
        if newer.generation != row.generation {
            asked = ask(refresher, &newer).await;
        }
        row = newer;
    }
    if row.state != State::Reauth {
        record(refresher, &row, asked).await?;
    }
    connection::get(store, workspace, id).await
}

async fn refreshed(refresher: &Refresher, row: Connection) -> Result<Connection> {
    if row.due_at.is_none() {
        return Ok(row);
    }
    match refresher.ensure(&row).await? {
        Freshness::Row(newer) => Ok(*newer),
        Freshness::Later(_) => Ok(row),
    }
}

async fn ask(refresher: &Refresher, row: &Connection) -> Result<()> {
    let (store, registry) = (&refresher.store, &refresher.registry);
    let integration = integration::get(store, &row.workspace_id, &row.integration_id).await?;
    let app = App::load(store, registry, integration).await?;
    let stored = open_credential(store, row).await?;
    let mut answers = stored.inputs.clone();
    if let Credential::Keys(keys) = &stored.credential {
        // Only names matter here: the inputs are checked as a whole.
        answers.retain(|name, _| !keys.contains_key(name));
    }
    let inputs = app.inputs(&answers)?;
    app.identify(store, registry, &inputs, &stored.credential).await.map(drop)
}

/// Keys and passwords have no refresh that would tell: a refusal here is the provider's definite word.
async fn record(refresher: &Refresher, row: &Connection, asked: Result<()>) -> Result<()> {
    let (health, reason) = match &asked {
        Ok(()) => ("healthy", None),
        Err(error) if error.code == "credential_refused" && row.due_at.is_none() => {
            ("reauthorization_required", Some(error.detail.clone()))
        }
        Err(error) => ("failing", Some(error.detail.clone())),
    };
    let store = &refresher.store;
    let statement = store.statement(
        "UPDATE connection SET health = $1, health_reason = $2, updated_at = $3 \
         WHERE workspace_id = $4 AND id = $5 AND generation = $6 AND status <> 'revoked'",
        [
            health.into(),
            reason.into(),
            store.now().millis().into(),
            row.workspace_id.clone().into(),
            row.id.clone().into(),
            row.generation.into(),
        ],
    );
    store.write().execute_raw(statement).await?;
    Ok(())
}
