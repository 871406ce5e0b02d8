//! One refresh at the provider, under a lease: prepared, checked once more, sent, journaled, read.

use std::time::Duration;

use connector::{AuthKind, Credential, ErrorKind, TokenSet};
use http::Response;

use super::{
    Lease, Refresher, claim::is_held, journal::Key, pace::Admission, point::point,
    timing::boot_time,
};
use crate::{
    Result,
    connection::{Stored, open_credential},
    integration::{self, App},
};

/// What came of it.
pub(super) enum Outcome {
    /// A new credential; its reply is in the journal under this key, where it has one.
    Fresh { stored: Stored, app: Box<App>, journaled: Option<Box<Key>> },
    /// The provider says that this refresh token will never work again.
    Dead { code: Option<String>, message: String, client: Option<String> },
    /// The provider refuses our client, with its former secret too.
    ClientRefused { client: String, message: String },
    /// It may work later.
    Later(Later),
}

/// A refresh that brought nothing.
pub(super) struct Later {
    /// When to try again, where somebody said so.
    pub(super) after: Option<Duration>,
    /// For a person.
    pub(super) message: String,
    /// The provider's own code.
    pub(super) code: Option<String>,
    /// Whether the provider certainly received nothing.
    pub(super) unsent: bool,
    /// Whether this counts as a failure, or only had to wait its turn.
    pub(super) failure: bool,
}

impl Later {
    fn unsent(message: impl Into<String>) -> Self {
        Self { after: None, message: message.into(), code: None, unsent: true, failure: true }
    }

    fn its_turn(after: Duration, message: &str) -> Outcome {
        Outcome::Later(Self { after: Some(after), failure: false, ..Self::unsent(message) })
    }
}

/// What is needed to send.
struct Prepared {
    app: App,
    stored: Stored,
    endpoints: oauth::Endpoints,
    clients: Vec<oauth::Client>,
}

/// What one attempt with one secret brought.
enum Attempt {
    Fresh(TokenSet, Option<Key>),
    Failed(oauth::Error),
    /// The lease is over, or the row has something newer; nothing was sent.
    Lost,
}

impl Refresher {
    /// Sends the refresh of a claimed connection. No retries: the row's quiet time decides when it may be
    /// sent again.
    pub(super) async fn send(&self, lease: &Lease) -> Outcome {
        match self.try_send(lease).await {
            Ok(outcome) => outcome,
            // Our own failure, before anything was sent.
            Err(error) => {
                tracing::warn!(connection = %lease.row.id, %error, "a refresh could not be prepared");
                Outcome::Later(Later::unsent(error.detail))
            }
        }
    }

    async fn prepare(&self, lease: &Lease) -> Result<Prepared> {
        let row = &lease.row;
        let integration =
            integration::get(&self.store, &row.workspace_id, &row.integration_id).await?;
        let app = App::load(&self.store, &self.registry, integration).await?;
        let stored = open_credential(&self.store, row).await?;
        let inputs = app.inputs(&stored.inputs)?;
        let endpoints = app.endpoints(&self.store, &self.registry, &inputs).await?;
        let clients = app.oauth_clients(&self.store, &self.registry).await?;
        Ok(Prepared { app, stored, endpoints, clients })
    }

    async fn try_send(&self, lease: &Lease) -> Result<Outcome> {
        let prepared = self.prepare(lease).await?;
        let Credential::OAuth(former) = &prepared.stored.credential else {
            return Ok(Outcome::Later(Later::unsent("This credential does not expire.")));
        };
        let manifest = prepared.app.connector.manifest();
        let own = prepared.app.integration.id.as_str();
        let lane = prepared.app.client.as_ref().map_or(own, |client| client.id.as_str());
        if let Some(outcome) = self.wait_for_turn(lane, manifest.refresh.max_per_second).await {
            return Ok(outcome);
        }
        let mut refused = None;
        for client in &prepared.clients {
            let attempt = self.attempt(lease, &prepared, client, former).await?;
            let error = match attempt {
                // Nothing was sent. If the lease is still ours it is given back; if not, this changes nothing.
                Attempt::Lost => {
                    let message = "The lease's time was over before anything was sent.";
                    return Ok(Later::its_turn(self.timings.backoff.0, message));
                }
                Attempt::Fresh(tokens, journaled) => {
                    self.pace.answered(lane);
                    let credential = Credential::OAuth(tokens);
                    let stored = Stored { inputs: prepared.stored.inputs.clone(), credential };
                    let app = Box::new(prepared.app);
                    return Ok(Outcome::Fresh { stored, app, journaled: journaled.map(Box::new) });
                }
                Attempt::Failed(error) => error,
            };
            if error.kind() == ErrorKind::ClientConfig {
                refused = Some(error);
                continue;
            }
            self.tell_pace(lane, &error);
            return Ok(classify(&error, &prepared.app));
        }
        let message = refused.map_or_else(String::new, |error| error.to_string());
        Ok(Outcome::ClientRefused { client: lane.to_owned(), message })
    }

    fn tell_pace(&self, lane: &str, error: &oauth::Error) {
        match error.kind() {
            ErrorKind::Unavailable => {
                self.pace.failed(lane, self.store.rng(), self.timings.backoff);
            }
            _ => self.pace.answered(lane),
        }
    }

    /// Waits for a place in the bucket as long as the lease allows; none = go.
    async fn wait_for_turn(
        &self,
        lane: &str,
        rate: Option<std::num::NonZeroU32>,
    ) -> Option<Outcome> {
        let longest = self.timings.lease.saturating_sub(self.timings.margin) / 2;
        let began = tokio::time::Instant::now();
        loop {
            match self.pace.admit(lane, rate, self.timings.backoff.1) {
                Admission::Go => return None,
                Admission::Open(wait) => {
                    return Some(Later::its_turn(wait, "The provider does not work at present."));
                }
                Admission::Wait(wait) if began.elapsed() + wait > longest => {
                    let message = "Waiting for its turn: the provider takes only so many a second.";
                    return Some(Later::its_turn(wait.max(self.timings.backoff.0), message));
                }
                Admission::Wait(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    async fn attempt(
        &self,
        lease: &Lease,
        prepared: &Prepared,
        client: &oauth::Client,
        former: &TokenSet,
    ) -> Result<Attempt> {
        let connector = prepared.app.connector.as_ref();
        if connector.manifest().auth.kind == AuthKind::Oauth2ClientCredentials {
            return Ok(self.client_credentials(prepared, client).await);
        }
        let request =
            match oauth::refresh::request(connector, &prepared.endpoints, client, former, None) {
                Ok(request) => request,
                Err(error) => return Ok(Attempt::Failed(error)),
            };
        point!("refresh::before_connect");
        let connection = match self.registry.outbound().connect(&request, self.timings.send).await {
            Ok(connection) => connection,
            Err(error) => return Ok(Attempt::Failed(error.into())),
        };
        // As late as can be: another may have claimed the row while this process stood still.
        if !is_held(&self.store, lease).await? || !self.is_in_time(lease) {
            return Ok(Attempt::Lost);
        }
        point!("refresh::before_send");
        let reply = match connection.send(request).await {
            Ok(reply) => reply,
            Err(error) => return Ok(Attempt::Failed(error.into())),
        };
        point!("refresh::after_send");
        let journaled = self.journal(lease, &reply).await?;
        point!("refresh::after_journal");
        match oauth::refresh::read(connector, self.store.now(), former, &reply) {
            Ok(tokens) => {
                let (outbound, endpoints) = (self.registry.outbound(), &prepared.endpoints);
                let now = self.store.now();
                let told =
                    oauth::with_told_end(outbound, now, connector, endpoints, client, tokens).await;
                Ok(Attempt::Fresh(told, journaled))
            }
            // What can't be read stays in the journal: it may hold the only token there is.
            Err(error) => Ok(Attempt::Failed(error)),
        }
    }

    /// Whether there is still time to write: measured by a clock that neither jumps nor stands still.
    fn is_in_time(&self, lease: &Lease) -> bool {
        boot_time().saturating_sub(lease.since) + self.timings.margin <= self.timings.lease
    }

    /// Keeps a reply that may hold a token, durably, before anything looks into it.
    async fn journal(&self, lease: &Lease, reply: &Response<bytes::Bytes>) -> Result<Option<Key>> {
        if !reply.status().is_success() {
            return Ok(None);
        }
        let key = Key::of(lease);
        let kind = reply.headers().get(http::header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut bytes = zeroize::Zeroizing::new(kind.as_bytes().to_vec());
        bytes.push(b'\n');
        bytes.extend_from_slice(reply.body());
        match self.journal.append(&self.store, &key, &bytes).await {
            Ok(()) => Ok(Some(key)),
            // The disk does not take it: the database still may.
            Err(error) => {
                tracing::error!(connection = %lease.row.id, %error, "a reply could not be journaled");
                Ok(None)
            }
        }
    }

    /// No token is spent here: what is lost can be asked for again.
    async fn client_credentials(&self, prepared: &Prepared, client: &oauth::Client) -> Attempt {
        let answer = oauth::client_credentials(
            self.registry.outbound(),
            self.store.now(),
            prepared.app.connector.as_ref(),
            &prepared.endpoints,
            client,
            &prepared.app.integration.scopes.0,
        );
        match answer.await {
            Ok(tokens) => Attempt::Fresh(tokens, None),
            Err(error) => Attempt::Failed(error),
        }
    }
}

fn classify(error: &oauth::Error, app: &App) -> Outcome {
    let code = error.provider_code().map(str::to_owned);
    let message = error.to_string();
    let after = match error.kind() {
        ErrorKind::Reauthorize => {
            let client = app.client.as_ref().map(|client| client.id.clone());
            return Outcome::Dead { code, message, client };
        }
        ErrorKind::RateLimited(after) => after,
        _ => None,
    };
    let unsent = !error.may_have_been_received();
    Outcome::Later(Later { after, message, code, unsent, failure: true })
}
