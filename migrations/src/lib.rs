//! The one set of database migrations, for SQLite and PostgreSQL.
//!
//! Times are integers: milliseconds since the Unix epoch. Sealed values are blobs in the vault's
//! format. JSON documents are text: the hub never queries inside them.

use sea_orm_migration::prelude::*;

mod m0001_tenants;
mod m0002_apps;
mod m0003_links;
mod m0004_chain;
mod m0005_system_chain;
mod m0006_checkpoints;
mod m0007_key_rotation;
mod m0008_entries_of_a_person;
mod table;

/// Runs the migrations in order.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_tenants::Migration),
            Box::new(m0002_apps::Migration),
            Box::new(m0003_links::Migration),
            Box::new(m0004_chain::Migration),
            Box::new(m0005_system_chain::Migration),
            Box::new(m0006_checkpoints::Migration),
            Box::new(m0007_key_rotation::Migration),
            Box::new(m0008_entries_of_a_person::Migration),
        ]
    }
}

pub use sea_orm_migration::MigratorTrait;
