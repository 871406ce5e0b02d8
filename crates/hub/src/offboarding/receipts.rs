//! What became of grants, counted.

use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use crate::{Result, connection::REVOKE_GRANT, store::Store};

/// How many of a workspace's ended connections came to which end at their providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// The provider ended the grant.
    pub revoked: u64,
    /// The provider has not answered yet.
    pub pending: u64,
    /// The provider offers no revocation; the token dies of age.
    pub unsupported: u64,
    /// Revoking would have ended other connections of the same account and client.
    pub withheld: u64,
    /// The provider would not, after many attempts, or the time was over.
    pub failed: u64,
}

/// The receipts of the workspace's ended connections.
pub async fn receipts(store: &Store, workspace: &str) -> Result<Receipts> {
    let sql = "SELECT COALESCE(CASE WHEN o.id IS NOT NULL THEN COALESCE(o.outcome, 'pending') END, \
         c.health_reason, 'unsupported') AS receipt, COUNT(*) AS number FROM connection c \
         LEFT JOIN outbox o ON o.workspace_id = c.workspace_id AND o.subject = c.id AND o.kind = $2 \
         WHERE c.workspace_id = $1 AND c.status = 'revoked' GROUP BY 1";
    let values = [workspace.into(), REVOKE_GRANT.into()];
    let statement = store.statement(sql, values);
    let mut all = Receipts::default();
    for row in store.read().query_all_raw(statement).await? {
        let number = u64::try_from(row.try_get::<i64>("", "number")?).unwrap_or(0);
        match row.try_get::<String>("", "receipt")?.as_str() {
            "revoked" => all.revoked += number,
            "pending" => all.pending += number,
            "withheld" => all.withheld += number,
            "failed" => all.failed += number,
            _ => all.unsupported += number,
        }
    }
    Ok(all)
}
