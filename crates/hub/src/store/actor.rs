//! Who causes a change: what the audit chain says of it.

use serde::Serialize;

/// What sort of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// The hub itself, in the background.
    Hub,
    /// Whoever runs a command on the hub's machine.
    Operator,
    /// A platform key.
    PlatformKey,
    /// A workspace's key.
    WorkspaceKey,
    /// An agent's key.
    AgentKey,
}

/// Who acts, and in which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// What sort.
    #[serde(rename = "type")]
    pub kind: ActorKind,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The request; none for what no request caused.
    #[serde(skip)]
    pub request_id: Option<String>,
}

impl Actor {
    /// The hub itself.
    pub fn hub() -> Self {
        Self { kind: ActorKind::Hub, id: None, request_id: None }
    }

    /// Whoever runs a command on the hub's machine.
    pub fn operator() -> Self {
        Self { kind: ActorKind::Operator, ..Self::hub() }
    }
}
