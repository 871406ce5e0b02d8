//! The engine against a provider in this process.

#![allow(clippy::unwrap_used, reason = "a helper of a test that can't go on has failed")]

mod assertion;
mod authorize;
mod callback;
mod certificate;
mod discovery;
mod exchange;
mod id_token;
mod identify;
mod introspect;
mod jwt_bearer;
mod longer;
mod oauth1;
mod refresh;
mod revoke;
mod support;
