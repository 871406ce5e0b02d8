//! Ending a grant at the provider: queued where the connection ends, done in the background.

use std::time::Duration;

use connector::Credential;
use sea_orm::ConnectionTrait;

use super::Stored;
use crate::{
    Error, Kind, Result,
    integration::{self, App},
    provider::Registry,
    store::{
        Store,
        outbox::{self, Claimed, Work},
    },
};

/// The outbox kind of a provider-side revocation.
pub const REVOKE_GRANT: &str = "revoke_grant";

/// Attempts over about a day; then a person is told that it failed.
const ATTEMPTS: i64 = 30;
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Queues the end of a grant, within the transaction that causes it.
///
/// `subject` is what the receipt is asked for by: a connection, or a session whose credential nobody
/// is to have.
pub async fn queue_revocation<C: ConnectionTrait>(
    store: &Store,
    tx: &C,
    workspace: &str,
    subject: &str,
    integration: &str,
    stored: &Stored,
) -> Result<()> {
    let mut body = zeroize::Zeroizing::new(integration.as_bytes().to_vec());
    body.push(0);
    body.extend_from_slice(&stored.to_bytes()?);
    outbox::enqueue(store, tx, Work { workspace, kind: REVOKE_GRANT, subject, body: &body }).await
}

/// Does one queued revocation, or puts it off.
pub async fn revoke_grant(store: &Store, registry: &Registry, work: &Claimed) -> Result<()> {
    match try_revoke(store, registry, work).await {
        Ok(outcome) => work.finish(store, outcome).await,
        // What can't be found or read will not be there tomorrow either.
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Internal | Kind::Invalid) => {
            tracing::warn!(subject = %work.subject, %error, "a grant can't be revoked");
            work.finish(store, "failed").await
        }
        Err(error) if work.attempts >= ATTEMPTS => {
            tracing::warn!(subject = %work.subject, %error, "a grant was not revoked, after many attempts");
            work.finish(store, "failed").await
        }
        Err(error) => {
            tracing::info!(subject = %work.subject, %error, "a grant is not revoked yet");
            let doublings = u32::try_from(work.attempts.clamp(0, 12)).unwrap_or(12);
            let wait = Duration::from_secs(1 << doublings).min(LONGEST_WAIT);
            work.again(store, i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)).await
        }
    }
}

async fn try_revoke(store: &Store, registry: &Registry, work: &Claimed) -> Result<&'static str> {
    let body = work.body(store).await?;
    let malformed = || Error::internal("a queued revocation is malformed");
    let split = body.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
    let name = std::str::from_utf8(&body[..split]).map_err(Error::internal)?;
    let stored = Stored::from_bytes(&body[split + 1..])?;
    let Credential::OAuth(tokens) = &stored.credential else { return Ok("unsupported") };
    let found = integration::get(store, &work.workspace, name).await?;
    let app = App::load(store, registry, found).await?;
    let inputs = app.inputs(&stored.inputs)?;
    let endpoints = app.endpoints(store, registry, &inputs).await?;
    let clients = app.oauth_clients(store, registry).await?;
    let answer = integration::with_secrets(&clients, |client| {
        oauth::revoke(registry.outbound(), app.connector.as_ref(), &endpoints, client, tokens)
    })
    .await;
    match answer {
        Ok(oauth::Revoked::Revoked) => Ok("revoked"),
        Ok(oauth::Revoked::Unsupported) => Ok("unsupported"),
        Err(error) => Err(Error::unavailable(
            "provider_unavailable",
            format!("The provider did not end the grant: {error}."),
            Duration::from_secs(10),
        )),
    }
}
