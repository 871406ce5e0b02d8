//! Administrative acts: each is an entry of the chain, written in the transaction that does it.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Draft, Subject, heads};
use crate::{
    Error, Result,
    store::{SYSTEM, Store},
};

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Change<'a> {
    /// Noun and past tense: `policy.changed`.
    pub action: &'static str,
    /// The id of what it was done to.
    pub object: &'a str,
    /// Its slug or name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// What it was set to. Never a secret, never what tells of a person.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub details: Json,
    /// The connection concerned.
    #[serde(skip)]
    pub connection: Option<&'a str>,
    /// The person concerned, by the hub's own id.
    #[serde(skip)]
    pub end_user: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// A change to `object` with nothing more to say of it.
    pub fn new(action: &'static str, object: &'a str) -> Self {
        Self { action, object, name: None, details: Json::Null, connection: None, end_user: None }
    }

    /// The same, with the object's slug or name.
    #[must_use]
    pub fn named(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// The same, with what it was set to.
    #[must_use]
    pub fn with(mut self, details: Json) -> Self {
        self.details = details;
        self
    }

    /// The same, about a connection and its person.
    #[must_use]
    pub fn of(mut self, connection: &'a str, end_user: Option<&'a str>) -> Self {
        self.connection = Some(connection);
        self.end_user = end_user;
        self
    }
}

/// In whose chain a change stands, and which workspaces' epochs it moves besides.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// A workspace's own affair.
    Workspace(&'a str),
    /// The platform's, and it touches every workspace.
    Everyone,
    /// A client's: it stands in its owner's chain and touches every workspace that uses it.
    UsersOfClient {
        /// A workspace, or `system`.
        owner: &'a str,
        /// The client.
        client: &'a str,
    },
}

impl<'a> Reach<'a> {
    fn chain(self) -> &'a str {
        match self {
            Self::Workspace(workspace) => workspace,
            Self::Everyone => SYSTEM,
            Self::UsersOfClient { owner, .. } => owner,
        }
    }

    /// Which heads: a condition on `chain_head`, and its values.
    fn condition(self) -> (&'static str, Vec<Value>) {
        match self {
            Self::Workspace(workspace) => ("workspace_id = $1", vec![workspace.into()]),
            Self::Everyone => ("1 = 1", vec![]),
            Self::UsersOfClient { owner, client } => (
                "workspace_id = $1 OR workspace_id IN \
                 (SELECT workspace_id FROM integration WHERE client_id = $2)",
                vec![owner.into(), client.into()],
            ),
        }
    }
}

/// Writes the entry and moves the epochs. The last statement of the transaction that does it: it locks
/// the chains' heads, in the workspaces' order.
pub async fn change(
    store: &Store,
    tx: &DatabaseTransaction,
    reach: Reach<'_>,
    what: &Change<'_>,
) -> Result<()> {
    let (condition, values) = reach.condition();
    let run = |sql: String| store.statement(sql, values.clone());
    if store.is_postgres() {
        let lock = format!(
            "SELECT workspace_id FROM chain_head WHERE {condition} ORDER BY workspace_id FOR UPDATE"
        );
        tx.query_all_raw(run(lock)).await?;
    }
    tx.execute_raw(run(format!("UPDATE chain_head SET epoch = epoch + 1 WHERE {condition}")))
        .await?;
    let chain = reach.chain();
    let mut heads = heads::lock(store, tx, &[chain]).await?;
    let head = heads.get_mut(chain).ok_or_else(|| Error::not_found("workspace"))?;
    let subject = Subject {
        workspace: chain,
        agent: None,
        connection: what.connection,
        end_user: what.end_user,
    };
    let row = head.place(Draft::change(store, subject, what)?);
    heads::insert_entries(tx, vec![row]).await?;
    heads::write(tx, &heads).await
}
