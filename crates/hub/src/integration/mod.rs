//! Integrations: a workspace's use of a provider.

mod app;
mod ends;
mod entity;
mod service;

pub(crate) use app::proof;
pub use app::{App, with_secrets};
pub use ends::warn_of_ends;
pub use entity::Model as Integration;
pub(crate) use service::of_client;
pub use service::{
    ClientChoice, NewIntegration, all, check_ceiling, delete, get, list, of_provider, put,
};
