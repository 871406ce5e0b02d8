//! What users do, against the real binary, on SQLite and on PostgreSQL.
//!
//! `make test` builds what these tests run and names it in the environment.

#![cfg(test)]

#[macro_use]
mod harness;

mod agent_acts;
mod agent_asks;
mod agent_asks_under_load;
mod attacks;
mod audit_export;
mod bad_input;
mod contracts;
mod keys_cli;
mod leaving;
mod limits;
mod many_providers;
mod many_workspaces;
mod memory_stays_closed;
mod oauth1;
mod openid_provider;
mod revocation_under_load;
mod secrets_stay_sealed;
mod sessions;
mod signed_clients;
mod signed_grants;
mod untold_ends;
