//! A person's erasure: their accounts are disconnected, their key is destroyed.

use super::disconnect::{Which, disconnect_some};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    connection::{self, Receipt},
    end_user,
    provider::Registry,
    session,
    store::Store,
};

/// What became of a person's accounts.
#[derive(Clone, Debug)]
pub struct Erased {
    /// The hub's own name for the person, which is all that is left of them.
    pub end_user: String,
    /// The connections that ended, and what became of their grants.
    pub connections: Vec<(String, Receipt)>,
}

/// Disconnects a person's accounts and erases what is known of them; `subject` is the platform's id.
///
/// The chain still verifies: what it says of the person was sealed under the key that is gone.
pub async fn erase_person(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    subject: &str,
) -> Result<Erased> {
    let person = end_user::find(store, workspace, subject)
        .await?
        .ok_or_else(|| Error::not_found("end user"))?;
    let tx = store.begin().await?;
    session::end_open(store, &tx, workspace, Some(&person.id)).await?;
    tx.commit().await?;
    // A link that was on its way may still come in between.
    let mut connections = Vec::new();
    let which = Which::EndUser(person.id.clone());
    loop {
        let ended = disconnect_some(store, registry, workspace, &which).await?;
        if ended.is_empty() {
            break;
        }
        connections.extend(ended);
    }
    erase(store, workspace, &person.id).await?;
    Ok(Erased { end_user: person.id, connections })
}

async fn erase(store: &Store, workspace: &str, person: &str) -> Result<()> {
    let tx = store.begin().await?;
    end_user::erase(store, &tx, workspace, person).await?;
    connection::forget_accounts(store, &tx, workspace, person).await?;
    let what = Change { end_user: Some(person), ..Change::new("end_user.erased", person) };
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    store.keys().forget_person(person).await;
    shred(store).await;
    Ok(())
}

/// SQLite's log of writes holds what was deleted until it is folded into the database, which a hub at rest
/// does not do by itself. PostgreSQL writes over it in its own time. The person is erased either way.
async fn shred(store: &Store) {
    if store.is_postgres() {
        return;
    }
    match store.shred_freed().await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "what was erased stays in SQLite's log until the next checkpoint: a reader was at it"
        ),
        Err(error) => tracing::warn!(
            ?error,
            "what was erased stays in SQLite's log until the next checkpoint"
        ),
    }
}
