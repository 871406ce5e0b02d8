#![doc = include_str!("../README.md")]

mod calendar;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Microsoft 365 calendar: its manifest, and its events.
pub struct MicrosoftCalendar {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(MicrosoftCalendar { manifest })
}

#[async_trait]
impl Connector for MicrosoftCalendar {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn calendar(&self) -> Option<&dyn connector::calendar::Calendar> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use connector::{ErrorKind, ErrorReply};
    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_tenant_is_one_of_microsofts_and_never_another_path() {
        let microsoft = connector();
        let tenant = microsoft.manifest().input("tenant").unwrap();
        let one = "9188040d-6c67-4c5b-b112-36a304b66dad";
        for good in ["common", "organizations", "consumers", "ana.onmicrosoft.com", one] {
            assert_eq!(tenant.check(good), Ok(()), "{good}");
        }
        for bad in
            ["evil.com/", "common/../x", "ana.example.com", "common?x", "a.b.onmicrosoft.com", ""]
        {
            assert!(tenant.check(bad).is_err(), "{bad}");
        }
        assert!(!microsoft.manifest().has_free_host());
    }

    #[test]
    fn a_person_is_asked_for_only_where_a_person_helps() {
        let kind = |body: Value| {
            let (headers, now) = (HeaderMap::new(), Timestamp::default());
            let reply = ErrorReply { status: 400, headers: &headers, body: &body, now };
            connector().classify(&reply)
        };
        let signs_in = json!({ "error": "interaction_required", "error_codes": [50076] });
        assert_eq!(kind(signs_in), ErrorKind::Reauthorize);
        let one_tenant = json!({ "error": "invalid_request", "error_codes": [50194] });
        assert_eq!(kind(one_tenant), ErrorKind::ClientConfig);
        let loops = json!({ "error": "invalid_grant", "error_codes": [50196] });
        assert_eq!(kind(loops), ErrorKind::Unavailable);
        assert_eq!(kind(json!({ "error": "temporarily_unavailable" })), ErrorKind::Unavailable);
    }
}
