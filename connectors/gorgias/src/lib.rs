#![doc = include_str!("../README.md")]

use std::sync::Arc;

use connector::{Connector, Declarative, Manifest};

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Declarative::new(manifest))
}
