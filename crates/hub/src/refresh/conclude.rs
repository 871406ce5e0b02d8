//! What an attempt that brought nothing means for the row.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Value};

use super::{
    Lease, Refresher,
    events::{Change, tell},
    schedule::backoff,
    send::Later,
};
use crate::{
    Result,
    connection::{self, Health},
    store::bump,
};

/// So many dead grants of one client …
const BURST: i64 = 20;
/// … within this time are rather the provider's fault, or our client's, than the users'.
const BURST_WITHIN: Duration = Duration::from_mins(5);
/// The longest that a provider's own word is believed.
const LONGEST: Duration = Duration::from_hours(1);

fn bounded(text: &str) -> String {
    text.chars().take(500).collect()
}

impl Refresher {
    /// Only on the provider's definitive word, and only while the row has what was presented. A candidate
    /// that came late takes the dead one's place first.
    pub(super) async fn mark_dead(
        &self,
        lease: &Lease,
        code: Option<&str>,
        message: &str,
        client: Option<&str>,
    ) -> Result<()> {
        if self.promote(lease).await? {
            return Ok(());
        }
        if self.is_burst(client).await? {
            tracing::error!(
                ?client,
                "more than {BURST} grants of one client died within 5 minutes: nobody is asked to link again for now"
            );
            let message = "The provider refuses many grants of this client at once; the hub waits before it believes that.";
            let later = Later {
                after: Some(BURST_WITHIN),
                message: message.to_owned(),
                code: code.map(str::to_owned),
                unsent: false,
                failure: true,
            };
            return self.mark_later(lease, &later).await;
        }
        tracing::info!(connection = %lease.row.id, ?code, "the provider ended the grant");
        let tx = self.store.begin().await?;
        let sql = "UPDATE connection SET state = 'reauth', health = 'reauthorization_required', \
             health_reason = $1, provider_code = $2, deadline = NULL, lease_owner = NULL, \
             due_at = NULL, quiet_until = 0, hold_until = 0, updated_at = $3 \
             WHERE id = $4 AND fence = $5 AND generation = $6 AND lease_owner = $7 \
             AND candidates IS NULL";
        let values: Vec<Value> = vec![
            bounded(message).into(),
            code.into(),
            self.store.now().millis().into(),
            lease.row.id.clone().into(),
            lease.row.fence.into(),
            lease.row.generation.into(),
            lease.owner.clone().into(),
        ];
        let statement = self.store.statement(sql, values);
        if tx.execute_raw(statement).await?.rows_affected() == 1 {
            let reason = bounded(message);
            let change = Change::ReauthorizationRequired { reason: &reason, provider_code: code };
            tell(&self.store, &tx, &lease.row, &change).await?;
            bump(&tx, &lease.row.workspace_id).await?;
            tx.commit().await?;
            return Ok(());
        }
        drop(tx);
        // A candidate came in between, or the row has moved on: what it has now was not refused.
        if !self.promote(lease).await? {
            self.give_back(lease).await?;
        }
        Ok(())
    }

    async fn promote(&self, lease: &Lease) -> Result<bool> {
        let promoted = connection::promote_candidate(&self.store, &lease.row, &lease.owner).await?;
        if promoted {
            tracing::info!(connection = %lease.row.id, "a candidate takes the place of a dead refresh token");
        }
        Ok(promoted)
    }

    /// Ends a lease of which nothing is open any more; changes nothing where it is another's.
    pub(super) async fn give_back(&self, lease: &Lease) -> Result<()> {
        let nothing =
            Later { after: None, message: String::new(), code: None, unsent: true, failure: false };
        self.mark_later(lease, &nothing).await
    }

    /// Counted in the database, so that all replicas see the same burst.
    async fn is_burst(&self, client: Option<&str>) -> Result<bool> {
        let Some(client) = client else { return Ok(false) };
        let statement = self.store.statement(
            "SELECT COUNT(*) AS n FROM connection WHERE state = 'reauth' AND updated_at >= $1 \
             AND integration_id IN (SELECT id FROM integration WHERE client_id = $2)",
            [self.store.now().minus(BURST_WITHIN).millis().into(), client.into()],
        );
        let row = self.store.read().query_one_raw(statement).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
        Ok(count >= BURST)
    }

    /// The quiet time ends early only where the provider certainly received nothing.
    pub(super) async fn mark_later(&self, lease: &Lease, later: &Later) -> Result<()> {
        let row = &lease.row;
        let now = self.store.now();
        let usual = || backoff(row.failures, self.store.rng(), self.timings.backoff);
        let wait = later.after.unwrap_or_else(usual).clamp(self.timings.backoff.0, LONGEST);
        let again = now.plus(wait).millis();
        let (state, quiet) =
            if later.unsent { ("ready", again) } else { ("uncertain", row.quiet_until.max(again)) };
        let count = i64::from(later.failure);
        let sql = "UPDATE connection SET state = $1, failures = failures + $2, \
             health = CASE WHEN $2 = 1 THEN 'failing' ELSE health END, \
             health_reason = CASE WHEN $2 = 1 THEN $3 ELSE health_reason END, \
             provider_code = CASE WHEN $2 = 1 THEN $4 ELSE provider_code END, \
             deadline = NULL, lease_owner = NULL, hold_until = 0, quiet_until = $5, due_at = $6, \
             updated_at = $7 WHERE id = $8 AND fence = $9 AND lease_owner = $10 AND state = 'in_flight'";
        // Whoever only had to wait its turn may be asked for at once by a caller.
        let quiet = if later.failure { quiet } else { now.millis() };
        let values: Vec<Value> = vec![
            state.into(),
            count.into(),
            bounded(&later.message).into(),
            later.code.clone().into(),
            quiet.into(),
            quiet.max(again).into(),
            now.millis().into(),
            row.id.clone().into(),
            row.fence.into(),
            lease.owner.clone().into(),
        ];
        let statement = self.store.statement(sql, values);
        let begins = later.failure && row.health == Health::Healthy;
        if !begins {
            self.store.write().execute_raw(statement).await?;
            return Ok(());
        }
        let tx = self.store.begin().await?;
        if tx.execute_raw(statement).await?.rows_affected() == 1 {
            let reason = bounded(&later.message);
            let change = Change::Failing { reason: &reason, provider_code: later.code.as_deref() };
            tell(&self.store, &tx, row, &change).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
