#![doc = include_str!("../README.md")]

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use connector::{
    Account, Api, Connector, Declarative, Error, ErrorKind, Manifest, TokenReply, TokenSet, json,
    provider_code,
};
use http::Method;
use serde_json::json;

const GRAPHQL: &str = "https://api.linear.app/graphql";
const WHOAMI: &str = "{ viewer { id email } organization { id urlKey } }";

/// The longest text in an answer that is taken for an id or a name, in characters.
const MOST_CHARS: usize = 100;

/// Linear: its manifest, and an API that is asked in GraphQL.
pub struct Linear {
    declared: Declarative,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Linear { declared: Declarative::new(manifest) })
}

#[async_trait]
impl Connector for Linear {
    fn manifest(&self) -> &Manifest {
        self.declared.manifest()
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        let query = json!({ "query": WHOAMI });
        let answer = api.send(Method::POST, GRAPHQL, Some(&query)).await.map_err(passing)?;
        let told = |path: &str| json::text_at(&answer, path).filter(|text| is_line(text));
        let found = (told("data.organization.id"), told("data.viewer.id"));
        let (Some(organization), Some(person)) = found else {
            let message = "Linear did not say whose account this is";
            let code = provider_code(self.manifest(), &answer);
            return Err(Error::new(ErrorKind::Unavailable, message).with_code(code));
        };
        let label = told("data.viewer.email").or_else(|| told("data.organization.urlKey"));
        let label = label.unwrap_or_else(|| person.clone());
        Ok(Account { id: format!("{organization}/{person}"), label, extra: BTreeMap::new() })
    }

    // Lists and texts with either separator are seen; read as one scope, `read write` would seem to lack both.
    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        let mut tokens = self.declared.parse_token(reply)?;
        tokens.scopes = tokens.scopes.map(|scopes| {
            let scopes = scopes.iter().flat_map(|scope| scope.split([',', ' ']));
            scopes.filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
        });
        Ok(tokens)
    }
}

/// The query is always the same and good, so a 400 is no fault of it: Linear limits with one.
fn passing(error: Error) -> Error {
    match error.kind {
        ErrorKind::Invalid => Error { kind: ErrorKind::Unavailable, ..error },
        _ => error,
    }
}

fn is_line(text: &str) -> bool {
    (1..=MOST_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use base::Timestamp;
    use bytes::Bytes;
    use connector::{Credential, Inputs};
    use http::{Request, Response};
    use outbound::Outbound;
    use serde_json::Value;

    use super::*;

    fn read(body: &Value) -> TokenSet {
        let reply = TokenReply { body, now: Timestamp::from_secs(1_795_000_000) };
        connector().parse_token(&reply).unwrap()
    }

    /// What is made of this answer, and what was asked.
    async fn identified(status: u16, answer: &Value) -> (Result<Account, Error>, Request<Bytes>) {
        let linear = connector();
        let asked = Arc::new(Mutex::new(None));
        let (seen, answer) = (asked.clone(), answer.to_string());
        let outbound = Outbound::in_process(move |request: Request<Bytes>| {
            *seen.lock().unwrap() = Some(request);
            let response = Response::builder().status(status).body(Bytes::from(answer.clone()));
            async { response.unwrap() }
        });
        let credential = Credential::OAuth(read(&json!({ "access_token": "lin_oauth_1" })));
        let api = Api::new(outbound, linear.manifest(), &Inputs::default(), &credential).unwrap();
        let account = linear.identify(&api).await;
        let asked = asked.lock().unwrap().take().unwrap();
        (account, asked)
    }

    #[test]
    fn scopes_are_read_however_they_are_written() {
        for scope in [json!(["read", "write"]), json!("read,write"), json!("read write")] {
            let tokens = read(&json!({ "access_token": "lin_oauth_1", "scope": scope }));
            assert_eq!(tokens.scopes.unwrap(), ["read", "write"]);
        }
        assert_eq!(read(&json!({ "access_token": "lin_oauth_1" })).scopes, None);
    }

    #[tokio::test]
    async fn the_person_and_the_organization_are_asked_for_in_one_query() {
        let answer =
            json!({ "data": { "viewer": { "id": "u1" }, "organization": { "id": "o1" } } });
        let (account, asked) = identified(200, &answer).await;
        assert_eq!(account.unwrap().id, "o1/u1");
        assert_eq!((asked.method(), asked.uri().to_string().as_str()), (&Method::POST, GRAPHQL));
        let body: Value = serde_json::from_slice(asked.body()).unwrap();
        assert_eq!(body, json!({ "query": WHOAMI }));
    }

    #[tokio::test]
    async fn errors_are_no_account_and_a_limit_may_pass() {
        let limited = json!({ "errors": [{ "extensions": { "code": "RATELIMITED" } }] });
        for status in [200, 400] {
            let error = identified(status, &limited).await.0.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unavailable, "{status}");
        }
        let over = identified(401, &json!({ "errors": [] })).await.0.unwrap_err();
        assert_eq!(over.kind, ErrorKind::Reauthorize);
        let half = json!({ "data": { "viewer": { "id": "u1" }, "organization": null } });
        assert_eq!(identified(200, &half).await.0.unwrap_err().kind, ErrorKind::Unavailable);
    }

    #[test]
    fn the_proxy_has_nothing_to_call() {
        assert!(connector().manifest().api.base.is_none(), "one path would open all scopes");
    }
}
