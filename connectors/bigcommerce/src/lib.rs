#![doc = include_str!("../README.md")]

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, ErrorKind, Manifest, identify_by_manifest};

/// BigCommerce: its manifest, and accounts that are a store.
pub struct BigCommerce {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(BigCommerce { manifest })
}

#[async_trait]
impl Connector for BigCommerce {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    // A token is good at its own store only: that the store answers shows that it is the account.
    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        let store = api.value("store_hash").map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "the store's hash is missing; link again")
        })?;
        let account = identify_by_manifest(&self.manifest, api).await?;
        Ok(Account { id: store, ..account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_hash_is_one_step_of_a_path() {
        let bigcommerce = connector();
        let store = bigcommerce.manifest().input("store_hash").unwrap();
        for good in ["k3x9ab2c", "abcde"] {
            assert_eq!(store.check(good), Ok(()), "{good}");
        }
        for bad in ["evil.com/", "a/../b", "stores/k3x9ab2c", "K3X9AB2C", "a%2fbcde", ".....", ""] {
            assert!(store.check(bad).is_err(), "{bad}");
        }
        assert!(!bigcommerce.manifest().has_free_host());
    }
}
