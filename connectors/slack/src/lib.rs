#![doc = include_str!("../README.md")]

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use connector::{
    Account, Api, Connector, Declarative, Error, ErrorKind, Manifest, json, provider_code,
};
use http::Method;
use serde_json::Value;

/// The longest text in an answer that is taken for an id or a name, in characters.
const MOST_CHARS: usize = 100;

/// Slack: its manifest, and errors that come with 200.
pub struct Slack {
    declared: Declarative,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Slack { declared: Declarative::new(manifest) })
}

#[async_trait]
impl Connector for Slack {
    fn manifest(&self) -> &Manifest {
        self.declared.manifest()
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        let answer = api.send(Method::POST, "/auth.test", None).await?;
        if answer.get("ok") != Some(&Value::Bool(true)) {
            return Err(refusal(self.manifest(), &answer));
        }
        let told = |name: &str| json::text_at(&answer, name).filter(|text| is_line(text));
        let (Some(team), Some(person)) = (told("team_id"), told("user_id")) else {
            let message = "the answer does not say whose account this is";
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        let label = match (told("user"), told("team")) {
            (Some(user), Some(team)) => format!("{user} ({team})"),
            (Some(name), None) | (None, Some(name)) => name,
            (None, None) => person.clone(),
        };
        Ok(Account { id: format!("{team}/{person}"), label, extra: BTreeMap::new() })
    }
}

/// What `ok: false` means for the credential.
fn refusal(manifest: &Manifest, answer: &Value) -> Error {
    let (kind, message) = match answer.get("error").and_then(Value::as_str) {
        Some(
            "account_inactive" | "invalid_auth" | "not_authed" | "token_expired" | "token_revoked",
        ) => (ErrorKind::Reauthorize, "Slack no longer accepts the token"),
        Some("ratelimited") => (ErrorKind::RateLimited(None), "Slack was asked too often"),
        _ => (ErrorKind::Unavailable, "Slack did not say whose account this is"),
    };
    Error::new(kind, message).with_code(provider_code(manifest, answer))
}

fn is_line(text: &str) -> bool {
    (1..=MOST_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use base::{ExposeSecret, Timestamp};
    use bytes::Bytes;
    use connector::{Credential, ErrorReply, Inputs, TokenReply, TokenSet};
    use http::{HeaderMap, Request, Response};
    use outbound::Outbound;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn read(body: &Value) -> TokenSet {
        connector().parse_token(&TokenReply { body, now: NOW }).unwrap()
    }

    fn refresh(tokens: &TokenSet) -> Option<&str> {
        tokens.refresh.as_ref().map(ExposeSecret::expose_secret)
    }

    async fn identified(answer: &Value) -> Result<Account, Error> {
        let slack = connector();
        let answer = answer.to_string();
        let outbound = Outbound::in_process(move |_: Request<Bytes>| {
            let body = Bytes::from(answer.clone());
            async { Response::new(body) }
        });
        let credential = Credential::OAuth(read(&json!({ "access_token": "xoxp-1" })));
        slack
            .identify(&Api::new(outbound, slack.manifest(), &Inputs::default(), &credential)?)
            .await
    }

    #[test]
    fn a_persons_token_is_never_joined_with_the_bots() {
        let tokens = read(&json!({
            "ok": true, "access_token": "xoxe.xoxb-1", "refresh_token": "xoxe-1-bot", "expires_in": 60,
            "scope": "commands", "authed_user": { "id": "U1", "access_token": "xoxp-1", "scope": "users:read" },
        }));
        assert_eq!(tokens.access.expose_secret(), "xoxp-1");
        assert_eq!((refresh(&tokens), tokens.expires_at), (None, None));
        assert_eq!(tokens.scopes.unwrap(), ["users:read"]);
    }

    #[test]
    fn a_flat_reply_to_a_refresh_is_read_too() {
        for authed_user in [json!(null), json!({ "id": "U1" })] {
            let tokens = read(&json!({
                "ok": true, "access_token": "xoxe.xoxp-2", "refresh_token": "xoxe-1-two",
                "expires_in": 43_200, "scope": "users:read,chat:write", "token_type": "user",
                "authed_user": authed_user,
            }));
            assert_eq!(tokens.access.expose_secret(), "xoxe.xoxp-2");
            assert_eq!(refresh(&tokens), Some("xoxe-1-two"));
            assert_eq!(tokens.expires_at.map(|end| end.secs() - NOW.secs()), Some(43_200));
            assert_eq!(tokens.scopes.unwrap(), ["users:read", "chat:write"]);
            assert_eq!(tokens.token_type, "Bearer");
        }
    }

    #[test]
    fn only_what_surely_ends_a_grant_ends_it() {
        let kind = |code: &str| {
            let (headers, body) = (HeaderMap::new(), json!({ "ok": false, "error": code }));
            connector().classify(&ErrorReply {
                status: 200,
                headers: &headers,
                body: &body,
                now: NOW,
            })
        };
        for dead in ["invalid_refresh_token", "token_revoked", "account_inactive"] {
            assert_eq!(kind(dead), ErrorKind::Reauthorize, "{dead}");
        }
        for passing in ["ratelimited", "internal_error", "invalid_auth", "token_expired"] {
            assert_eq!(kind(passing), ErrorKind::Unavailable, "{passing}");
        }
        assert_eq!(kind("bad_client_secret"), ErrorKind::ClientConfig);
    }

    #[tokio::test]
    async fn a_persons_two_workspaces_are_two_accounts() {
        let at = |team: &str| json!({ "ok": true, "team_id": team, "user_id": "U1" });
        assert_eq!(identified(&at("T1")).await.unwrap().id, "T1/U1");
        assert_eq!(identified(&at("T2")).await.unwrap().id, "T2/U1");
    }

    #[tokio::test]
    async fn an_error_with_200_is_no_account() {
        let error =
            |code: &str| json!({ "ok": false, "error": code, "team_id": "T1", "user_id": "U1" });
        let revoked = identified(&error("token_revoked")).await.unwrap_err();
        assert_eq!(revoked.kind, ErrorKind::Reauthorize);
        assert_eq!(revoked.provider_code.as_deref(), Some("token_revoked"));
        let limited = identified(&error("ratelimited")).await.unwrap_err();
        assert_eq!(limited.kind, ErrorKind::RateLimited(None));
        let trouble = identified(&error("internal_error")).await.unwrap_err();
        assert_eq!(trouble.kind, ErrorKind::Unavailable);
        let nobody = identified(&json!({ "ok": true, "user_id": "U1" })).await.unwrap_err();
        assert_eq!(nobody.kind, ErrorKind::Unavailable);
    }
}
