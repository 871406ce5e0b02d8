//! What an entry says. Its bytes are made once, before it is written, and kept as they are.

use base::{EntryId, ReleaseId, Timestamp};
use serde::Serialize;
use vault::Place;

use super::Change;
use crate::{
    Result,
    store::{Actor, Store},
};

/// An entry that is not written yet.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) workspace: String,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) at: Timestamp,
    pub(super) agent: Option<String>,
    pub(super) connection: Option<String>,
    pub(super) end_user: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Whom and what an entry is about: kept beside its bytes, to be found by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The tenant.
    pub workspace: &'a str,
    /// Who asked.
    pub agent: Option<&'a str>,
    /// What was used.
    pub connection: Option<&'a str>,
    /// For whom.
    pub end_user: Option<&'a str>,
}

/// What was asked and decided.
#[derive(Clone, Debug, Serialize)]
pub struct Release<'a> {
    /// The integration.
    pub integration: &'a str,
    /// The provider.
    pub provider: &'a str,
    /// The scopes that were handed out, or asked for and refused.
    pub scopes: &'a [String],
    /// The form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<&'static str>,
    /// The action, of a release that runs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// The policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'a str>,
    /// Which version of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The key with which the caller came.
    pub key: &'a str,
}

/// What became of an action, once it is known.
#[derive(Clone, Debug, Serialize)]
pub struct Ran<'a> {
    /// The release under which it ran.
    pub release: &'a str,
    /// The action.
    pub action: &'static str,
    /// `ok`, `dry_run`, or the kind of error.
    pub outcome: &'static str,
}

/// Fields that say something of a person; sealed under the person's key.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Personal<'a> {
    /// Why the agent asked, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// Whether it was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Handed out.
    Released,
    /// Refused.
    Denied,
}

/// What an entry tells beside who and when.
#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Release(&'a Release<'a>),
    Change(&'a Change<'a>),
    Ran(&'a Ran<'a>),
}

/// The order of the fields is the format: version 1.
#[derive(Serialize)]
struct Body<'a> {
    v: u8,
    id: &'a str,
    kind: &'static str,
    at: Timestamp,
    workspace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_user: Option<&'a str>,
    /// Of a change: who made it. Of a release it is the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a Actor>,
    request_id: &'a str,
    what: What<'a>,
    /// Base64 of the sealed [`Personal`].
    #[serde(skip_serializing_if = "Option::is_none")]
    personal: Option<String>,
}

impl<'a> Body<'a> {
    fn of(
        subject: Subject<'a>,
        (id, kind, at): (&'a str, &'static str, Timestamp),
        actor: Option<&'a Actor>,
        request_id: &'a str,
        what: What<'a>,
        personal: Option<String>,
    ) -> Self {
        Self {
            v: 1,
            id,
            kind,
            at,
            workspace: subject.workspace,
            agent: subject.agent,
            connection: subject.connection,
            end_user: subject.end_user,
            actor,
            request_id,
            what,
            personal,
        }
    }
}

impl Draft {
    /// An entry about a hand-out or its refusal.
    pub async fn release(
        store: &Store,
        outcome: Outcome,
        subject: Subject<'_>,
        what: &Release<'_>,
        personal: &Personal<'_>,
        request_id: &str,
    ) -> Result<Self> {
        let (kind, id) = match outcome {
            Outcome::Released => {
                ("release", ReleaseId::new(store.clock(), store.rng()).to_string())
            }
            Outcome::Denied => ("denial", EntryId::new(store.clock(), store.rng()).to_string()),
        };
        let at = store.now();
        let personal = seal(store, subject, &id, personal).await?;
        let what = What::Release(what);
        let head = (id.as_str(), kind, at);
        Self::made(subject, &Body::of(subject, head, None, request_id, what, personal))
    }

    /// An entry about what became of an action. A release of one without such an entry has an outcome that
    /// nobody knows: the hub stopped in between, or it still runs.
    pub fn ran(
        store: &Store,
        subject: Subject<'_>,
        what: &Ran<'_>,
        request_id: &str,
    ) -> Result<Self> {
        let id = EntryId::new(store.clock(), store.rng()).to_string();
        let head = (id.as_str(), "outcome", store.now());
        Self::made(subject, &Body::of(subject, head, None, request_id, What::Ran(what), None))
    }

    /// An entry about an administrative act, by the store's actor.
    pub(super) fn change(store: &Store, subject: Subject<'_>, what: &Change<'_>) -> Result<Self> {
        let id = EntryId::new(store.clock(), store.rng()).to_string();
        let actor = store.actor();
        let request_id = actor.request_id.as_deref().unwrap_or_default();
        let head = (id.as_str(), "change", store.now());
        let what = What::Change(what);
        Self::made(subject, &Body::of(subject, head, Some(actor), request_id, what, None))
    }

    fn made(subject: Subject<'_>, body: &Body<'_>) -> Result<Self> {
        Ok(Self {
            workspace: subject.workspace.to_owned(),
            id: body.id.to_owned(),
            kind: body.kind,
            at: body.at,
            agent: subject.agent.map(str::to_owned),
            connection: subject.connection.map(str::to_owned),
            end_user: subject.end_user.map(str::to_owned),
            body: serde_json::to_vec(body)?,
        })
    }

    /// The entry's id: `rel_…` for a release.
    pub fn id(&self) -> &str {
        &self.id
    }
}

async fn seal(
    store: &Store,
    subject: Subject<'_>,
    id: &str,
    personal: &Personal<'_>,
) -> Result<Option<String>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    if personal.reason.is_none() {
        return Ok(None);
    }
    let place = Place { workspace: subject.workspace, row: id, field: "personal", generation: 1 };
    let text = serde_json::to_vec(personal)?;
    let sealed = store.keys().seal_personal(subject.end_user, &place, &text).await?;
    Ok(Some(STANDARD.encode(sealed.0.as_bytes())))
}
