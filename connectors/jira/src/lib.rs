#![doc = include_str!("../README.md")]

use std::sync::Arc;

use connector::{Connector, Declarative, Manifest};

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Declarative::new(manifest))
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use connector::{ErrorKind, ErrorReply};
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_client_is_not_taken_for_a_grant_that_is_over() {
        let kind = |error: &str, why: &str| {
            let body = json!({ "error": error, "error_description": why });
            let (headers, now) = (HeaderMap::new(), Timestamp::default());
            connector().classify(&ErrorReply { status: 403, headers: &headers, body: &body, now })
        };
        let over = "Unknown or invalid refresh token.";
        assert_eq!(kind("unauthorized_client", over), ErrorKind::Reauthorize);
        assert_eq!(kind("invalid_grant", "Token has been expired"), ErrorKind::Reauthorize);
        assert_eq!(kind("unauthorized_client", "Client not found"), ErrorKind::ClientConfig);
        assert_eq!(kind("access_denied", "Unauthorized"), ErrorKind::Unavailable);
    }
}
