//! A connector of a manifest alone.

use async_trait::async_trait;
use http::Method;
use serde_json::Value;

use crate::{
    Account, Api, Connector, Error, ErrorKind, Manifest, json,
    manifest::{Identity, Verify},
    matcher,
};

/// The longest id or label of an account, in characters.
const MOST_CHARS: usize = 300;

/// A provider of which data can say all.
#[derive(Clone, Debug)]
pub struct Declarative {
    manifest: Manifest,
}

impl Declarative {
    /// The connector of this manifest.
    pub fn new(manifest: Manifest) -> Self {
        Self { manifest }
    }
}

#[async_trait]
impl Connector for Declarative {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }
}

/// Asks whose account it is, as the manifest's `identity` says.
///
/// A provider that can't be asked has the one account `default`: linking needs one.
pub async fn identify_by_manifest(manifest: &Manifest, api: &Api) -> Result<Account, Error> {
    let Some(identity) = &manifest.identity else {
        if let Some(verify) = &manifest.api.verify {
            check_credential(manifest, verify, api).await?;
        }
        return Ok(Account {
            id: "default".to_owned(),
            label: manifest.display_name.clone(),
            extra: std::collections::BTreeMap::new(),
        });
    };
    let method = match identity.method.as_deref() {
        Some("POST") => Method::POST,
        _ => Method::GET,
    };
    let answer = api.call(method, target(identity, api)?).send().await?;
    // Some say in a 200 that the credential is over.
    if let Some(kind) = matcher::by_manifest(manifest, answer.status, &answer.body) {
        let message = "the provider did not say whose account this is";
        let code = matcher::provider_code(manifest, &answer.body);
        return Err(Error::new(kind, message).with_code(code));
    }
    match api.wrong(&answer) {
        Some(error) => Err(error.with_code(matcher::provider_code(manifest, &answer.body))),
        None => account(identity, &answer.body),
    }
}

/// Asks for something that only a good credential gets.
async fn check_credential(manifest: &Manifest, verify: &Verify, api: &Api) -> Result<(), Error> {
    let path = api.fill(&verify.path).ok_or_else(|| {
        let message = "where to check the credential can't be told: an answer is missing";
        Error::new(ErrorKind::Invalid, message)
    })?;
    let method = match verify.method.as_deref() {
        Some("POST") => Method::POST,
        Some("HEAD") => Method::HEAD,
        _ => Method::GET,
    };
    let answer = api.call(method, path).send().await?;
    let known = matcher::by_manifest(manifest, answer.status, &answer.body);
    let good = known.is_none()
        && match verify.ok_status.as_slice() {
            [] => (200..300).contains(&answer.status) && api.wrong(&answer).is_none(),
            listed => listed.contains(&answer.status),
        };
    if good {
        return Ok(());
    }
    let code = matcher::provider_code(manifest, &answer.body);
    let message = "the provider does not accept this credential";
    let error = match known {
        Some(kind) => Error::new(kind, message),
        None => api.wrong(&answer).unwrap_or_else(|| Error::new(ErrorKind::Denied, message)),
    };
    Err(error.with_code(code))
}

fn target(identity: &Identity, api: &Api) -> Result<String, Error> {
    if identity.url == "userinfo" {
        return api.userinfo().map(ToString::to_string).ok_or_else(|| {
            let message =
                "the server has no userinfo endpoint, so it can't be asked whose account this is";
            Error::new(ErrorKind::Unsupported, message)
        });
    }
    api.fill(&identity.url).ok_or_else(|| {
        let message = "where to ask whose account this is can't be told: an answer is missing";
        Error::new(ErrorKind::Invalid, message)
    })
}

fn account(identity: &Identity, body: &Value) -> Result<Account, Error> {
    let untold =
        || Error::new(ErrorKind::Unavailable, "the answer does not say whose account this is");
    let account = json::first_text(body, &identity.account_path).ok_or_else(untold)?;
    let id = if identity.tenant_path.is_empty() {
        account.clone()
    } else {
        let tenant = json::first_text(body, &identity.tenant_path).ok_or_else(untold)?;
        format!("{tenant}/{account}")
    };
    if id.chars().count() > MOST_CHARS || id.chars().any(char::is_control) {
        let message = format!("the account's id is no line of at most {MOST_CHARS} characters");
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    let label = json::first_text(body, &identity.label_path).unwrap_or(account);
    let label: String = label.chars().filter(|c| !c.is_control()).take(MOST_CHARS).collect();
    Ok(Account { id, label, extra: std::collections::BTreeMap::new() })
}
