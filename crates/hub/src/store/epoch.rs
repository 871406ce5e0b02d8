//! A workspace's epoch: a number that every change moves which could forbid a release.
//!
//! It stands beside the chain's head, so that the commit of a release reads both under one lock.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};

use super::Store;
use crate::{Error, Result};

/// The workspace's epoch as committed now. Read it before anything that a decision rests on.
pub async fn read(store: &Store, workspace: &str) -> Result<i64> {
    let statement =
        store.statement("SELECT epoch FROM chain_head WHERE workspace_id = $1", [workspace.into()]);
    let row = store.read().query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::not_found("workspace"))?;
    Ok(row.try_get("", "epoch")?)
}

/// Moves the workspace's epoch. The last statement of a transaction: it locks the chain's head.
pub async fn bump(tx: &DatabaseTransaction, workspace: &str) -> Result<()> {
    run(tx, "UPDATE chain_head SET epoch = epoch + 1 WHERE workspace_id = $1", [workspace.into()])
        .await
}

async fn run<const N: usize>(
    tx: &DatabaseTransaction,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<()> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await?;
    Ok(())
}
