#![doc = include_str!("../README.md")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, ErrorKind, Manifest, identify_by_manifest};

/// Zendesk: its manifest, and accounts that are a person at a subdomain.
pub struct Zendesk {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Zendesk { manifest })
}

#[async_trait]
impl Connector for Zendesk {
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

    use base::Timestamp;
    use bytes::Bytes;
    use connector::{Credential, TokenReply};
    use http::{Request, Response};
    use outbound::Outbound;
    use serde_json::{Value, json};

    use super::*;

    async fn account(subdomain: &str, answer: &Value) -> Result<Account, Error> {
        let zendesk = connector();
        let answer = answer.to_string();
        let outbound = Outbound::in_process(move |_: Request<Bytes>| {
            let body = Bytes::from(answer.clone());
            async { Response::new(body) }
        });
        let body = json!({ "access_token": "at" });
        let reply = TokenReply { body: &body, now: Timestamp::default() };
        let credential = Credential::OAuth(zendesk.parse_token(&reply)?);
        let answers = BTreeMap::from([("subdomain".to_owned(), subdomain.to_owned())]);
        let inputs = zendesk.manifest().check_inputs(&answers).unwrap();
        zendesk.identify(&Api::new(outbound, zendesk.manifest(), &inputs, &credential)?).await
    }

    #[tokio::test]
    async fn the_same_number_at_two_subdomains_is_two_accounts() {
        let answer = json!({ "user": { "id": 7, "email": "ana@example.com" } });
        assert_eq!(account("one", &answer).await.unwrap().id, "one/7");
        assert_eq!(account("two", &answer).await.unwrap().id, "two/7");
    }

    #[tokio::test]
    async fn an_anonymous_answer_is_no_account() {
        let answer = json!({ "user": { "id": null, "name": "Anonymous user" } });
        assert_eq!(account("one", &answer).await.unwrap_err().kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_subdomain_is_one_label_and_never_another_host() {
        let zendesk = connector();
        let subdomain = zendesk.manifest().input("subdomain").unwrap();
        for good in ["ana-ceramics", "ana1", "abc"] {
            assert_eq!(subdomain.check(good), Ok(()), "{good}");
        }
        for bad in
            ["evil.com/", "a.b.c", "a/b", "-ab", "ab-", "a@b", "a:1", "a#b", "a\\b", "Ana", ""]
        {
            assert!(subdomain.check(bad).is_err(), "{bad}");
        }
        assert!(subdomain.check(&"a".repeat(64)).is_err());
        assert!(!zendesk.manifest().has_free_host());
    }
}
