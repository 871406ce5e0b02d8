//! The OAuth engine: authorize, exchange, refresh, narrow, revoke.
//!
//! The only one there is: a connector has no OAuth code of its own, its manifest says what is
//! different about it. Stores nothing, reads no clock, retries nothing.
//!
//! What it makes sure of, whatever a manifest says: a fresh state and PKCE verifier for every
//! authorization; a callback that names another issuer is refused (RFC 9207); an `id_token` is kept
//! only once it was verified; secrets stand in bodies and headers, never in an error or a log, and in
//! a URL only where a manifest says that the provider wants them there. [`oauth1`] is the elder protocol,
//! with promises of its own.

mod assertion;
mod authorize;
mod callback;
mod client;
mod discovery;
mod endpoints;
mod error;
mod exchange;
mod grant;
mod id_token;
mod introspect;
pub mod jwt_bearer;
pub mod oauth1;
mod par;
pub mod refresh;
mod reply;
mod request;
mod revoke;
mod scope;
pub mod session;

pub use assertion::{Proof, check_key};
pub use authorize::{Authorization, AuthorizeOptions, authorize};
pub use callback::{CallbackAnswer, CallbackError, read_callback};
pub use client::{Client, take_apart};
pub use endpoints::{Endpoints, Later, endpoints};
pub use error::Error;
pub use grant::{
    FlowSecrets, client_credentials, client_credentials_request, exchange, exchange_request, narrow,
};
pub use introspect::{introspect_request, with_told_end};
pub use revoke::{Revoked, revoke, revoke_request};
