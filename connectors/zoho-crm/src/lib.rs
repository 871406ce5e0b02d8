#![doc = include_str!("../README.md")]

mod crm;
mod record;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Zoho CRM: its manifest, and what agents can do there.
pub struct ZohoCrm {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(ZohoCrm { manifest })
}

#[async_trait]
impl Connector for ZohoCrm {
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
    fn an_api_that_is_not_zohos_gets_no_token() {
        let base = |domain: &str| {
            let body = json!({ "access_token": "at", "api_domain": domain });
            let reply = TokenReply { body: &body, now: Timestamp::default() };
            let credential = Credential::OAuth(connector().parse_token(&reply).unwrap());
            connector().manifest().api_base(&Inputs::default(), &credential).map(String::from)
        };
        let own = base("https://www.zohoapis.com.au");
        assert_eq!(own.as_deref(), Some("https://www.zohoapis.com.au/crm/v8"));
        for other in
            ["https://evil.example", "https://zohoapis.com.evil.example", "http://www.zohoapis.eu"]
        {
            assert_eq!(base(other), None, "{other}");
        }
    }

    #[test]
    fn a_data_center_is_one_of_zohos() {
        let zoho = connector();
        let center = zoho.manifest().input("data_center").unwrap();
        assert_eq!(center.check("zohocloud.ca"), Ok(()));
        for bad in ["evil.com/", "zoho.evil", "zoho.com/", ""] {
            assert!(center.check(bad).is_err(), "{bad}");
        }
        assert!(!zoho.manifest().has_free_host());
    }

    #[test]
    fn an_error_with_200_ends_only_what_is_over() {
        let kind = |error: &str| {
            let body = json!({ "error": error });
            let (headers, now) = (HeaderMap::new(), Timestamp::default());
            connector().classify(&ErrorReply { status: 200, headers: &headers, body: &body, now })
        };
        assert_eq!(kind("invalid_code"), ErrorKind::Reauthorize);
        assert_eq!(kind("Access Denied"), ErrorKind::Unavailable);
        assert_eq!(kind("invalid_client_secret"), ErrorKind::ClientConfig);
    }
}
