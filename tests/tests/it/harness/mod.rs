//! Starts the hub and all around it, and acts as those who use it.

pub(crate) mod agent;
pub(crate) mod behind;
pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod environment;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod hub;
pub(crate) mod jar;
pub(crate) mod oauth1;
pub(crate) mod oidc;
pub(crate) mod platform;
pub(crate) mod playground;
pub(crate) mod process;
pub(crate) mod scene;

pub(crate) use agent::Agent;
pub(crate) use browser::Browser;
pub(crate) use database::Database;
pub(crate) use hub::Hub;
pub(crate) use oidc::OpenIdProvider;
pub(crate) use platform::{Platform, Workspace};
pub(crate) use playground::Playground;
pub(crate) use scene::Scene;

/// Makes two tests of one: `name::on_sqlite` and `name::on_postgres`.
///
/// `name` is an `async fn(Database)` beside it.
macro_rules! on_both_databases {
    ($name:ident) => {
        mod $name {
            use crate::harness::Database;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$name(Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                if let Some(database) = Database::postgres() {
                    super::$name(database).await;
                }
            }
        }
    };
}
