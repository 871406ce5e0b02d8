#![doc = include_str!("../README.md")]

mod commerce;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Account, Api, Connector, Declarative, Error, Manifest, TokenReply, TokenSet,
    identify_by_manifest,
};

/// Shopify: its manifest, and scopes that others imply.
pub struct Shopify {
    declared: Declarative,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Shopify { declared: Declarative::new(manifest) })
}

#[async_trait]
impl Connector for Shopify {
    fn manifest(&self) -> &Manifest {
        self.declared.manifest()
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(self.manifest(), api).await
    }

    // Who asks for `read_products,write_products` is told `write_products`: without this the reading
    // would seem refused, and a person be asked for it again and again.
    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        let mut tokens = self.declared.parse_token(reply)?;
        tokens.scopes = tokens.scopes.map(with_implied);
        Ok(tokens)
    }

    fn commerce(&self) -> Option<&dyn connector::commerce::Commerce> {
        Some(self)
    }
}

/// The scopes, and the reading that each writing one implies.
fn with_implied(mut scopes: Vec<String>) -> Vec<String> {
    let implied: Vec<String> = scopes.iter().filter_map(|scope| reading(scope)).collect();
    for scope in implied {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

/// `read_products` for `write_products`.
fn reading(scope: &str) -> Option<String> {
    scope.strip_prefix("write_").map(|what| format!("read_{what}"))
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use super::*;

    fn granted(scope: &str) -> Option<Vec<String>> {
        let body = json!({ "access_token": "shpat_1", "scope": scope });
        let reply = TokenReply { body: &body, now: Timestamp::default() };
        connector().parse_token(&reply).unwrap().scopes
    }

    #[test]
    fn whoever_may_write_may_read_the_same_and_nothing_else() {
        let granted = granted("write_products,read_orders").unwrap();
        assert_eq!(granted, ["write_products", "read_orders", "read_products"]);
    }

    #[test]
    fn nothing_is_granted_twice_and_reading_implies_nothing() {
        let scopes = granted("read_products,write_products,read_orders").unwrap();
        assert_eq!(scopes, ["read_products", "write_products", "read_orders"]);
        assert_eq!(granted(""), None);
    }

    #[test]
    fn a_shop_is_one_label_and_never_another_host() {
        let manifest = connector();
        let shop = manifest.manifest().input("shop").unwrap();
        for good in ["ana-store", "Ana1", "a"] {
            assert_eq!(shop.check(good), Ok(()), "{good}");
        }
        for bad in ["evil.com/", "a.b", "a/b", "-a", "a@b", "a:1", "a#", "a?b", "a\\b", ""] {
            assert!(shop.check(bad).is_err(), "{bad}");
        }
        assert!(shop.check(&"a".repeat(64)).is_err());
        assert!(!manifest.manifest().has_free_host());
    }
}
