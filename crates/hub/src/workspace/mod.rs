//! Workspaces (tenants) and the API keys of platform, workspaces and agents.

pub mod api_key;
mod entity;
mod service;

pub use entity::Model as Workspace;
pub use service::{NewWorkspace, get, list, put, set_status};
