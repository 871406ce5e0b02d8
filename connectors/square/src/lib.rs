#![doc = include_str!("../README.md")]

mod commerce;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Square: its manifest, and its actions.
pub struct Square {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Square { manifest })
}

#[async_trait]
impl Connector for Square {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn commerce(&self) -> Option<&dyn connector::commerce::Commerce> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use connector::{ErrorKind, ErrorReply};
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_401_ends_a_grant_only_where_it_names_the_refresh_token() {
        let kind = |detail: &str| {
            let error = json!({ "code": "UNAUTHORIZED", "detail": detail });
            let body = json!({ "errors": [error] });
            let (headers, now) = (HeaderMap::new(), Timestamp::default());
            connector().classify(&ErrorReply { status: 401, headers: &headers, body: &body, now })
        };
        assert_eq!(kind("The refresh token was revoked."), ErrorKind::Reauthorize);
        assert_eq!(kind("Invalid `refresh_token`."), ErrorKind::Reauthorize);
        assert_eq!(kind("Not Authorized"), ErrorKind::Unavailable);
        assert_eq!(kind("Invalid client secret."), ErrorKind::Unavailable);
    }

    #[test]
    fn there_are_two_environments_and_no_third() {
        let square = connector();
        let environment = square.manifest().input("environment").unwrap();
        assert_eq!(environment.check("squareupsandbox.com"), Ok(()));
        for bad in ["evil.com/", "squareup.com.evil.example", "connect.squareup.com", ""] {
            assert!(environment.check(bad).is_err(), "{bad}");
        }
        assert!(!square.manifest().has_free_host());
    }
}
