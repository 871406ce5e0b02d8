#![doc = include_str!("../README.md")]

mod commerce;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Account, Api, Connector, Declarative, Error, ErrorKind, Manifest, TokenReply, TokenSet,
    identify_by_manifest,
};

/// BigCommerce: its manifest, accounts that are a store, and scopes that others imply.
pub struct BigCommerce {
    declared: Declarative,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(BigCommerce { declared: Declarative::new(manifest) })
}

#[async_trait]
impl Connector for BigCommerce {
    fn manifest(&self) -> &Manifest {
        self.declared.manifest()
    }

    // A token is good at its own store only: that the store answers shows that it is the account.
    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        let store = api.value("store_hash").map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "the store's hash is missing; link again")
        })?;
        let account = identify_by_manifest(self.manifest(), api).await?;
        Ok(Account { id: store, ..account })
    }

    // An app is given either the reading or the changing of something, never both: without this the
    // reading would seem refused to whoever may change.
    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        let mut tokens = self.declared.parse_token(reply)?;
        tokens.scopes = tokens.scopes.map(|scopes| self.with_implied(scopes));
        Ok(tokens)
    }

    fn commerce(&self) -> Option<&dyn connector::commerce::Commerce> {
        Some(self)
    }
}

impl BigCommerce {
    /// The scopes, and the reading that each changing one implies, where the manifest knows it.
    fn with_implied(&self, mut scopes: Vec<String>) -> Vec<String> {
        let known = &self.manifest().scopes;
        let implied: Vec<_> = scopes.iter().map(|scope| format!("{scope}_read_only")).collect();
        for scope in implied {
            if known.iter().any(|known| known.name == scope) && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_may_change_may_read_the_same_and_nothing_else() {
        let granted = |scope: &str| {
            let body = json!({ "access_token": "t0k3n", "scope": scope });
            let reply = TokenReply { body: &body, now: Timestamp::default() };
            connector().parse_token(&reply).unwrap().scopes.unwrap()
        };
        let scopes = granted("store_v2_default store_v2_orders");
        assert_eq!(scopes, ["store_v2_default", "store_v2_orders", "store_v2_orders_read_only"]);
        let scopes = granted("store_v2_orders_read_only store_cart");
        assert_eq!(scopes, ["store_v2_orders_read_only", "store_cart"]);
    }

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
