#![doc = include_str!("../README.md")]

use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Account, Api, Connector, Declarative, Error, Manifest, TokenReply, TokenSet,
    identify_by_manifest, json,
};

/// Notion: its manifest, and tokens that end without saying so.
pub struct Notion {
    declared: Declarative,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Notion { declared: Declarative::new(manifest) })
}

#[async_trait]
impl Connector for Notion {
    fn manifest(&self) -> &Manifest {
        self.declared.manifest()
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(self.manifest(), api).await
    }

    // No reply says when a token ends. Older apps get no refresh token, and their tokens do not end:
    // the manifest's lifetime is for the others.
    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        let mut tokens = self.declared.parse_token(reply)?;
        let told = &self.manifest().token.reply.expires_in;
        if tokens.refresh.is_none() && json::first_text(reply.body, told).is_none() {
            tokens.expires_at = None;
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn end(body: &Value) -> Option<i64> {
        let tokens = connector().parse_token(&TokenReply { body, now: NOW }).unwrap();
        tokens.expires_at.map(|end| end.secs() - NOW.secs())
    }

    #[test]
    fn a_token_that_can_be_refreshed_is_refreshed_by_the_clock() {
        assert_eq!(end(&json!({ "access_token": "ntn_1", "refresh_token": "nrt_1" })), Some(3600));
    }

    #[test]
    fn a_token_of_an_older_app_does_not_end() {
        assert_eq!(end(&json!({ "access_token": "secret_1" })), None);
        assert_eq!(end(&json!({ "access_token": "secret_1", "refresh_token": null })), None);
    }

    #[test]
    fn what_a_reply_says_of_the_end_counts() {
        assert_eq!(end(&json!({ "access_token": "ntn_1", "expires_in": 60 })), Some(60));
    }
}
