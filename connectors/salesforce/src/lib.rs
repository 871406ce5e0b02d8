#![doc = include_str!("../README.md")]

mod crm;
mod record;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Salesforce: its manifest, and what agents can do there.
pub struct Salesforce {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Salesforce { manifest })
}

#[async_trait]
impl Connector for Salesforce {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn crm(&self) -> Option<&dyn connector::crm::Crm> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use connector::{Credential, ErrorKind, ErrorReply, Inputs, TokenReply};
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_domain_is_one_label_and_never_another_host() {
        let salesforce = connector();
        let domain = salesforce.manifest().input("domain").unwrap();
        for good in ["login", "test", "acme", "acme--uat", "a"] {
            assert_eq!(domain.check(good), Ok(()), "{good}");
        }
        for bad in ["evil.com/", "acme.my", "a/b", "-a", "a-", "a@b", "a:1", "a#b", "a\\b", ""] {
            assert!(domain.check(bad).is_err(), "{bad}");
        }
        let address = salesforce.manifest().input("address").unwrap();
        assert_eq!(address.check("my.salesforce.com"), Ok(()));
        assert!(address.check("lightning.force.com").is_err());
        assert!(!salesforce.manifest().has_free_host());
    }

    #[test]
    fn an_instance_that_is_not_salesforces_gets_no_token() {
        let base = |instance: &str| {
            let body = json!({ "access_token": "at", "instance_url": instance });
            let reply = TokenReply { body: &body, now: Timestamp::default() };
            let credential = Credential::OAuth(connector().parse_token(&reply).unwrap());
            connector().manifest().api_base(&Inputs::default(), &credential).map(String::from)
        };
        let own = base("https://acme.my.salesforce.com");
        assert_eq!(own.as_deref(), Some("https://acme.my.salesforce.com/services/data/v64.0"));
        for other in [
            "https://evil.example",
            "https://salesforce.com.evil.example",
            "http://a.salesforce.com",
        ] {
            assert_eq!(base(other), None, "{other}");
        }
    }

    #[test]
    fn who_may_not_log_in_now_is_not_asked_to_link_again() {
        let kind = |why: &str| {
            let body = json!({ "error": "invalid_grant", "error_description": why });
            let (headers, now) = (HeaderMap::new(), Timestamp::default());
            connector().classify(&ErrorReply { status: 400, headers: &headers, body: &body, now })
        };
        assert_eq!(kind("expired access/refresh token"), ErrorKind::Reauthorize);
        assert_eq!(kind("ip restricted or invalid login hours"), ErrorKind::Unavailable);
        assert_eq!(kind("login rate exceeded"), ErrorKind::Unavailable);
    }
}
