//! What the catalogue promises, of every app at once: a test names all that break it.

mod apps;
mod keys;
mod manifests;
mod oauth;
mod oauth1;
mod page;
mod tenants;
