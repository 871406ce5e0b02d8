#![doc = include_str!("../README.md")]

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Account, Api, Connector, Declarative, Error, Manifest, TokenReply, TokenSet,
    identify_by_manifest,
};

/// What a scope takes in, of those that the manifest has (GitHub's page on scopes).
const TAKES_IN: [(&str, &str); 3] =
    [("repo", "public_repo"), ("user", "read:user"), ("user", "user:email")];

/// GitHub: its manifest, and scopes that take others in.
pub struct GitHub {
    declared: Declarative,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(GitHub { declared: Declarative::new(manifest) })
}

#[async_trait]
impl Connector for GitHub {
    fn manifest(&self) -> &Manifest {
        self.declared.manifest()
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(self.manifest(), api).await
    }

    // Who asks for `repo,public_repo` is told `repo`: without this the other would seem refused, and a
    // person be asked for it again and again.
    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        let mut tokens = self.declared.parse_token(reply)?;
        tokens.scopes = tokens.scopes.map(with_implied);
        Ok(tokens)
    }
}

fn with_implied(mut scopes: Vec<String>) -> Vec<String> {
    for (scope, implied) in TAKES_IN {
        let has = |name: &str| scopes.iter().any(|known| known == name);
        if has(scope) && !has(implied) {
            scopes.push(implied.to_owned());
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use base::{SecretString, Timestamp};
    use connector::{Delivery, ErrorKind, ErrorReply, WebhookError};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn read(body: &serde_json::Value) -> TokenSet {
        let reply = TokenReply { body, now: Timestamp::default() };
        connector().parse_token(&reply).unwrap()
    }

    #[test]
    fn a_scope_that_takes_another_in_is_told_with_it_and_once() {
        let scopes = |text: &str| read(&json!({ "access_token": "gho_1", "scope": text })).scopes;
        assert_eq!(scopes("repo,read:org").unwrap(), ["repo", "read:org", "public_repo"]);
        assert_eq!(scopes("user").unwrap(), ["user", "read:user", "user:email"]);
        assert_eq!(scopes("public_repo,repo").unwrap(), ["public_repo", "repo"]);
        assert_eq!(scopes("public_repo").unwrap(), ["public_repo"]);
    }

    // The sample of GitHub's page on validating webhook deliveries.
    #[test]
    fn an_event_is_believed_with_githubs_signature_and_not_without() {
        let signed = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-hub-signature-256"),
            HeaderValue::from_static(signed),
        )]);
        let secret = SecretString::from("It's a Secret to Everybody");
        let verify = |body: &str| {
            let (url, body) = ("https://hub.example/hooks/cli_1", body.as_bytes());
            let event = Delivery { method: "POST", url, headers: &headers, body };
            connector().manifest().verify_webhook(&secret, &event, Timestamp::default())
        };
        assert_eq!(verify("Hello, World!"), Ok(()));
        assert_eq!(verify("Hello, world!"), Err(WebhookError::Signature));
    }

    #[test]
    fn an_oauth_apps_token_does_not_end() {
        let tokens =
            read(&json!({ "access_token": "gho_1", "scope": "repo", "token_type": "bearer" }));
        assert_eq!(tokens.expires_at, None);
        assert!(tokens.refresh.is_none());
    }

    #[test]
    fn an_error_with_200_ends_only_what_is_over() {
        let kind = |error: &str| {
            let body = json!({ "error": error });
            let (headers, now) = (HeaderMap::new(), Timestamp::default());
            connector().classify(&ErrorReply { status: 200, headers: &headers, body: &body, now })
        };
        assert_eq!(kind("bad_refresh_token"), ErrorKind::Reauthorize);
        assert_eq!(kind("incorrect_client_credentials"), ErrorKind::ClientConfig);
        assert_eq!(kind("bad_verification_code"), ErrorKind::Unavailable);
    }
}
