//! Hand-outs: an agent asks, a policy decides, the release is recorded, the credential leaves.

mod ask;
mod hand_out;
mod select;

pub use ask::{Asked, Asker, Target, TokenAsk, release};
pub use hand_out::Issued;
pub use select::{Choice, ConnectReason, Missing};
