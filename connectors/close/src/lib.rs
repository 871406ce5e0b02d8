#![doc = include_str!("../README.md")]

mod crm;
mod record;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, ErrorKind, Manifest, identify_by_manifest};

/// The longest id of an organization, in bytes.
const MOST_ORGANIZATION: usize = 100;

/// The organization that the token is for.
fn organization(api: &Api) -> Result<&str, Error> {
    api.value("organization_id").filter(|id| id.len() <= MOST_ORGANIZATION).ok_or_else(|| {
        let message = "the token reply did not say which organization the token is for";
        Error::new(ErrorKind::Unavailable, message)
    })
}

/// Close: its manifest, and accounts that are a person in an organization.
pub struct Close {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Close { manifest })
}

#[async_trait]
impl Connector for Close {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    // A token is for one organization, and which one the token reply alone tells: the answer about the
    // person is the same in all of theirs.
    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        let organization = organization(api)?.to_owned();
        let person = identify_by_manifest(&self.manifest, api).await?;
        Ok(Account { id: format!("{organization}/{}", person.id), ..person })
    }

    fn crm(&self) -> Option<&dyn connector::crm::Crm> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use bytes::Bytes;
    use connector::{Credential, Inputs, TokenReply};
    use http::{Request, Response};
    use outbound::Outbound;
    use serde_json::{Value, json};

    use super::*;

    async fn account(reply: &Value) -> Result<Account, Error> {
        let close = connector();
        let outbound = Outbound::in_process(|_: Request<Bytes>| async {
            Response::new(Bytes::from_static(br#"{"id":"user_1","email":"ana@example.com"}"#))
        });
        let tokens = close.parse_token(&TokenReply { body: reply, now: Timestamp::default() })?;
        let credential = Credential::OAuth(tokens);
        close
            .identify(&Api::new(outbound, close.manifest(), &Inputs::default(), &credential)?)
            .await
    }

    #[tokio::test]
    async fn a_persons_two_organizations_are_two_accounts() {
        let in_one = json!({ "access_token": "at", "organization_id": "orga_1" });
        let in_two = json!({ "access_token": "at", "organization_id": "orga_2" });
        assert_eq!(account(&in_one).await.unwrap().id, "orga_1/user_1");
        assert_eq!(account(&in_two).await.unwrap().id, "orga_2/user_1");
    }

    #[tokio::test]
    async fn without_the_organization_there_is_no_account() {
        for reply in [
            json!({ "access_token": "at" }),
            json!({ "access_token": "at", "organization_id": "o".repeat(101) }),
        ] {
            assert_eq!(account(&reply).await.unwrap_err().kind, ErrorKind::Unavailable);
        }
    }
}
