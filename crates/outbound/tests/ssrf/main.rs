//! Nothing gets inside: the corpus of tricky URLs, names that lead inside, properties of addresses,
//! hosts that a request keeps to, redirects, proxies, and peers that send too much or too slowly.

#![allow(clippy::unwrap_used, reason = "a helper of a test that can't go on has failed")]

mod corpus;
mod hosts;
mod limits;
mod names;
mod properties;
mod proxy;
mod redirects;
mod support;
