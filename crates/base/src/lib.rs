//! What every crate may use: time, randomness, ids and secrets.
//!
//! Time and randomness are passed in, never fetched: `clippy.toml` bans the
//! usual ways around it. The two real sources live here.

mod clock;
mod id;
mod rng;
mod secret;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use id::{
    AgentId, ApprovalId, ClientId, ConnectionId, DataKeyId, EndUserId, EntryId, IntegrationId,
    InvalidId, KeyId, OutboxId, PolicyId, ProviderId, ReleaseId, SessionId, WorkspaceId,
};
pub use rng::{OsRng, Rng, SeededRng, random_token};
pub use secret::{ExposeSecret, SecretString, constant_time_eq};
