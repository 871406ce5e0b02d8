#![doc = include_str!("../README.md")]

mod commerce;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest};

/// WooCommerce: its manifest, and its actions.
pub struct WooCommerce {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(WooCommerce { manifest })
}

#[async_trait]
impl Connector for WooCommerce {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    // A key has no account of its own: the store is what it opens. Asking for one product shows that it does.
    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        api.get("/products?per_page=1").await?;
        let store = api.value("store").unwrap_or_default().to_owned();
        Ok(Account { id: store.clone(), label: store, extra: std::collections::BTreeMap::new() })
    }

    fn commerce(&self) -> Option<&dyn connector::commerce::Commerce> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_public_name_and_nothing_more() {
        let woocommerce = connector();
        let store = woocommerce.manifest().input("store").unwrap();
        for good in ["shop.ana.example", "a1.example"] {
            assert_eq!(store.check(good), Ok(()), "{good}");
        }
        for bad in [
            "evil.com/",
            "127.0.0.1",
            "localhost",
            "a.b:8080",
            "a@b.example",
            "a..b",
            "-a.example",
            "[::1]",
            "",
        ] {
            assert!(store.check(bad).is_err(), "{bad}");
        }
        assert!(woocommerce.manifest().has_free_host(), "no client of it is shared");
    }
}
