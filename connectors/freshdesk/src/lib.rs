#![doc = include_str!("../README.md")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, ErrorKind, Manifest, identify_by_manifest};

/// Freshdesk: its manifest, and accounts that are a person at a subdomain.
pub struct Freshdesk {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Freshdesk { manifest })
}

#[async_trait]
impl Connector for Freshdesk {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    // The answer has the person's number alone. The account that it is a number in is the one that was asked.
    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        let subdomain = api.value("subdomain").map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "the subdomain is missing; link again")
        })?;
        let person = identify_by_manifest(&self.manifest, api).await?;
        Ok(Account { id: format!("{subdomain}/{}", person.id), ..person })
    }

    fn support(&self) -> Option<&dyn connector::support::Support> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use http::{Request, Response};
    use outbound::Outbound;
    use serde_json::json;

    use super::*;

    async fn account(subdomain: &str) -> Account {
        let freshdesk = connector();
        let answer = json!({ "id": 7, "contact": { "email": "ana@example.com" } }).to_string();
        let outbound = Outbound::in_process(move |_: Request<Bytes>| {
            let body = Bytes::from(answer.clone());
            async { Response::new(body) }
        });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let answers =
            BTreeMap::from([pair("subdomain", subdomain), pair("api_key", "k3yOfAna0123")]);
        let manifest = freshdesk.manifest();
        let inputs = manifest.check_inputs(&answers).unwrap();
        let credential = manifest.credential_from(&inputs).unwrap();
        let api = Api::new(outbound, manifest, &inputs, &credential).unwrap();
        freshdesk.identify(&api).await.unwrap()
    }

    #[tokio::test]
    async fn the_same_number_at_two_subdomains_is_two_accounts() {
        assert_eq!(account("one").await.id, "one/7");
        assert_eq!(account("two").await.id, "two/7");
    }

    #[test]
    fn a_subdomain_is_one_label_and_a_key_is_one_word() {
        let freshdesk = connector();
        let input = |name| freshdesk.manifest().input(name).unwrap();
        for good in ["ana-ceramics", "ana1", "abc"] {
            assert_eq!(input("subdomain").check(good), Ok(()), "{good}");
        }
        for bad in
            ["evil.com/", "a.b.c", "a/b", "-ab", "ab-", "a@b", "a:1", "a#b", "a\\b", "Ana", ""]
        {
            assert!(input("subdomain").check(bad).is_err(), "{bad}");
        }
        assert!(!freshdesk.manifest().has_free_host());
        for bad in ["short", "with a space in it", "user:password-of-ana"] {
            assert!(input("api_key").check(bad).is_err(), "{bad}");
        }
    }
}
