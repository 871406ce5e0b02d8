//! The suite finds the faults that it is there for: acme, with one thing wrong at a time.

use std::sync::Arc;

use async_trait::async_trait;
use conformance::{Subject, checks};
use connector::{
    Account, Api, Connector, Declarative, Error, ErrorKind, ErrorReply, Manifest, TokenReply,
    TokenSet, identify_by_manifest,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../connectors/acme");
const PROVIDER: &str = include_str!("../../../connectors/acme/provider.toml");

/// Acme with hooks that a fault replaces.
struct Faulty {
    manifest: Manifest,
    parse: fn(&Declarative, &TokenReply<'_>) -> Result<TokenSet, Error>,
    classify: fn(&Declarative, &ErrorReply<'_>) -> ErrorKind,
    identify: fn() -> Option<Account>,
}

impl Default for Faulty {
    fn default() -> Self {
        Self {
            manifest: Manifest::parse(PROVIDER).expect("it is sound"),
            parse: |sound, reply| sound.parse_token(reply),
            classify: |sound, reply| sound.classify(reply),
            identify: || None,
        }
    }
}

impl Faulty {
    fn sound(&self) -> Declarative {
        Declarative::new(self.manifest.clone())
    }

    fn subject(self) -> Subject {
        Subject::new(Arc::new(self), FOLDER)
    }
}

#[async_trait]
impl Connector for Faulty {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        match (self.identify)() {
            Some(account) => Ok(account),
            None => identify_by_manifest(&self.manifest, api).await,
        }
    }

    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        (self.parse)(&self.sound(), reply)
    }

    fn classify(&self, reply: &ErrorReply<'_>) -> ErrorKind {
        (self.classify)(&self.sound(), reply)
    }
}

fn manifest(from: &str, to: &str) -> Subject {
    let text = PROVIDER.replace(from, to);
    assert_ne!(text, PROVIDER, "the fault is made");
    Faulty { manifest: Manifest::parse(&text).expect("it stays readable"), ..Faulty::default() }
        .subject()
}

#[tokio::test]
async fn without_a_fault_errors_mean_what_they_mean() {
    checks::errors_mean_what_they_mean(&Faulty::default().subject()).await;
}

#[tokio::test]
async fn without_a_fault_nothing_leaks() {
    checks::nothing_secret_leaks(&Faulty::default().subject()).await;
}

#[tokio::test]
#[should_panic(expected = "left: Reauthorize")]
async fn a_passing_trouble_that_ends_the_grant_is_found() {
    let faulty = Faulty { classify: |_, _| ErrorKind::Reauthorize, ..Faulty::default() };
    checks::errors_mean_what_they_mean(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "dead_refresh.json")]
async fn a_dead_grant_that_is_not_noticed_is_found() {
    let faulty = Faulty { classify: |_, _| ErrorKind::Unavailable, ..Faulty::default() };
    checks::errors_mean_what_they_mean(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "rate_limited.json")]
async fn a_wait_that_is_not_told_is_found() {
    let classify = |sound: &Declarative, reply: &ErrorReply<'_>| match sound.classify(reply) {
        ErrorKind::RateLimited(_) => ErrorKind::RateLimited(None),
        kind => kind,
    };
    let faulty = Faulty { classify, ..Faulty::default() };
    checks::errors_mean_what_they_mean(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "the scopes")]
async fn scopes_that_are_lost_are_found() {
    let parse = |sound: &Declarative, reply: &TokenReply<'_>| {
        sound.parse_token(reply).map(|tokens| TokenSet { scopes: None, ..tokens })
    };
    let faulty = Faulty { parse, ..Faulty::default() };
    checks::a_code_is_exchanged_as_declared(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "a missing refresh token keeps the old")]
async fn a_refresh_token_that_is_lost_is_found() {
    let parse = |sound: &Declarative, reply: &TokenReply<'_>| {
        let mut tokens = sound.parse_token(reply)?;
        tokens.refresh = tokens.refresh.or_else(|| Some("made-up".into()));
        Ok(tokens)
    };
    let faulty = Faulty { parse, ..Faulty::default() };
    checks::a_refresh_keeps_what_it_must(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "somebody")]
async fn an_account_without_asking_is_found() {
    let identify = || {
        let extra = std::collections::BTreeMap::new();
        Some(Account { id: "somebody".to_owned(), label: "Somebody".to_owned(), extra })
    };
    let faulty = Faulty { identify, ..Faulty::default() };
    checks::the_account_is_identified(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "a secret is in")]
async fn an_error_that_quotes_the_reply_is_found() {
    let parse = |sound: &Declarative, reply: &TokenReply<'_>| {
        let quoted = |error: Error| Error::new(error.kind, reply.body.to_string());
        sound.parse_token(reply).map_err(quoted)
    };
    let faulty = Faulty { parse, ..Faulty::default() };
    checks::nothing_secret_leaks(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "a secret is in")]
async fn a_reply_in_the_log_is_found() {
    let parse = |sound: &Declarative, reply: &TokenReply<'_>| {
        tracing::trace!(body = %reply.body, "read");
        sound.parse_token(reply)
    };
    let faulty = Faulty { parse, ..Faulty::default() };
    checks::nothing_secret_leaks(&faulty.subject()).await;
}

#[tokio::test]
#[should_panic(expected = "only reads")]
async fn a_reading_scope_that_deletes_is_found() {
    let subject = manifest("\"GET /v1/contacts/*\"", "\"DELETE /v1/contacts/*\"");
    checks::scopes_are_told_and_narrowed_truly(&subject).await;
}

#[tokio::test]
#[should_panic(expected = "the refresh token")]
async fn a_path_that_leads_past_the_refresh_token_is_found() {
    let subject = manifest("[client]", "[token.reply]\nrefresh = [\"refresh\"]\n\n[client]");
    checks::a_code_is_exchanged_as_declared(&subject).await;
}

#[tokio::test]
#[should_panic(expected = "another manifest")]
async fn a_manifest_that_is_not_the_folders_is_found() {
    let subject = manifest("crm.contacts.write", "crm.contacts.change");
    checks::the_manifest_is_sound(&subject).await;
}
