//! The hub as a server: command line, configuration, HTTP API and connect page.

mod api;
pub mod cli;
mod config;
mod connect;
mod connectors;
mod demo;
#[cfg(feature = "failpoints")]
mod failpoints;
mod http;
mod open;
mod problem;
mod process;
mod serve;
mod state;
