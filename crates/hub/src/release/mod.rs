//! Hand-outs: an agent asks, a policy decides, the release is recorded, the credential leaves.

mod ask;
mod hand_out;
mod select;
mod signed;

pub use ask::{Asked, Asker, Parts, Target, TokenAsk, release};
pub(crate) use ask::{Reached, reach};
pub use hand_out::Issued;
pub(crate) use hand_out::Ready;
pub use select::{Choice, ConnectReason, Missing};
pub use signed::Request;
