//! A first look: a demo workspace, its platform, and a walk from link to token to call.
//!
//! All of it uses the public API only, as any platform would.

mod advice;
mod api;
mod browser;
mod failure;
mod form;
mod jar;
mod logins;
mod screen;
mod seed;
mod site;
mod state;
mod up;
mod walk;

pub(crate) use failure::Failure;
pub(crate) use up::up;
pub(crate) use walk::walk;

/// Where the demo platform listens.
const SITE_ADDRESS: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8070);
/// Where browsers reach it. One name only: its cookie belongs to a host.
const SITE: &str = "http://localhost:8070";
/// Where browsers come back to after linking.
const RETURN_URL: &str = "http://localhost:8070/linked";
/// Where Acme's API is, for the lines to paste; programs take it from the token call's answer.
const ACME_API: &str = "http://localhost:8090/api";
