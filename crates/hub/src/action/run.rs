//! One run of an action, after its release is durable: open, send, record what became of it.

use std::time::Duration;

use connector::{Action, Api, Connector, Error as Said, ErrorKind, Sketch};
use serde_json::Value;

use super::fault::word;
use crate::{
    Error, Result,
    audit::{Draft, Ran, Subject, Writer},
    connection::{Connection, Stored, open_credential},
    integration::App,
    provider::Registry,
    refresh::point,
    store::Store,
};

/// How long an action may take.
pub(super) const MOST: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug)]
pub enum Came {
    /// It was done, and this is its output.
    Output(Value),
    /// Of a dry run: what would be sent.
    Sketch(Sketch),
}

/// All that a run needs, its own: it goes on when whoever asked for it has gone.
pub(super) struct Run {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) writer: Writer,
    pub(super) row: Connection,
    pub(super) app: App,
    pub(super) scopes: Vec<String>,
    pub(super) agent: String,
    pub(super) release: String,
    pub(super) request_id: String,
    pub(super) action: &'static Action,
    pub(super) input: Value,
    pub(super) dry: bool,
}

impl Run {
    /// Runs to the end, whoever waits for it. The inner result is the provider's word.
    pub(super) async fn detached(self) -> Result<Result<Came, Said>> {
        tokio::spawn(self.finish()).await.map_err(Error::internal)?
    }

    async fn finish(self) -> Result<Result<Came, Said>> {
        point!("action::after_release");
        let api = match self.api().await {
            Ok(api) => api,
            Err(error) => {
                self.record("not_sent").await;
                return Err(error);
            }
        };
        let came = match tokio::time::timeout(MOST, self.send(api)).await {
            Ok(came) => came,
            Err(_) => Err(Said::new(
                ErrorKind::Unavailable,
                format!("the provider did not answer within {} s", MOST.as_secs()),
            )),
        };
        self.record(match &came {
            Ok(Came::Output(_)) => "ok",
            Ok(Came::Sketch(_)) => "dry_run",
            Err(error) => word(error.kind),
        })
        .await;
        Ok(came)
    }

    async fn api(&self) -> Result<Api> {
        let Stored { inputs, credential } = open_credential(&self.store, &self.row).await?;
        let api = self.app.api(&self.store, &self.registry, &inputs, &credential).await?;
        // Some providers want to be told the time.
        Ok(api.at(self.store.now()))
    }

    async fn send(&self, api: Api) -> Result<Came, Said> {
        let connector: &dyn Connector = self.app.connector.as_ref();
        let input = self.input.clone();
        if self.dry {
            return self.action.sketch(connector, api, &self.scopes, input).await.map(Came::Sketch);
        }
        self.action.run(connector, api, &self.scopes, input).await.map(Came::Output)
    }

    /// What was done stays done: where its outcome can't be recorded, it stays unknown in the chain.
    async fn record(&self, outcome: &'static str) {
        let subject = Subject {
            workspace: &self.row.workspace_id,
            agent: Some(&self.agent),
            connection: Some(&self.row.id),
            end_user: self.row.end_user_id.as_deref(),
        };
        let what = Ran { release: &self.release, action: self.action.name, outcome };
        let written = match Draft::ran(&self.store, subject, &what, &self.request_id) {
            Ok(draft) => self.writer.append(draft, None).await.map_err(Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(release = %self.release, %error, "an action's outcome could not be recorded");
        }
    }
}
