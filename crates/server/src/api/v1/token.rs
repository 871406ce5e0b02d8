//! `POST /v1/token`: an agent asks for access.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use base::ExposeSecret;
use connector::{Apply, Method};
use hub::{
    release::{Choice, ConnectReason, Issued, Request, Target, TokenAsk},
    session::{self, Answer as HubAnswer, ConnectRequired, FixableBy},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{super::view::Time, connections::AccountView, policies::FormName};
use crate::{
    http::{Body, Caller},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(token))
}

/// The longest `min_ttl_seconds`: a day.
const MOST_TTL: u64 = 86_400;
/// The longest `reason`, in characters.
const MOST_REASON: usize = 1000;

/// The longest URL that is signed; the most fields of its form, and the most bytes of them.
const MOST_URL: usize = 8000;
const MOST_FIELDS: usize = 200;
const MOST_FORM: usize = 32 * 1024;

/// For whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndUser {
    /// The platform's own id of the person; only from an agent marked `trusted_backend`.
    #[schema(example = "u1")]
    pub(super) id: String,
}

/// A request that the agent is about to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RequestToSign {
    method: MethodName,
    /// The whole URL with its query, on the provider's API (`api_base` of the answer).
    #[schema(example = "https://api.flickr.com/services/rest/?method=flickr.photos.search")]
    url: String,
    /// The fields of a form-encoded body. A body of another kind is not part of the signature.
    #[serde(default)]
    form: BTreeMap<String, String>,
}

/// The methods that can be signed.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum MethodName {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Get => Self::GET,
            MethodName::Head => Self::HEAD,
            MethodName::Post => Self::POST,
            MethodName::Put => Self::PUT,
            MethodName::Patch => Self::PATCH,
            MethodName::Delete => Self::DELETE,
        }
    }
}

/// A question for access. Names exactly one of `provider`, `integration` and `connection`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "provider": "acme", "end_user": { "id": "u1" }, "scopes": ["crm.contacts.read"],
    "min_ttl_seconds": 120, "reason": "look up the caller" }))]
struct TokenRequest {
    /// A provider's slug: any integration with it.
    provider: Option<String>,
    /// An integration, by slug or id.
    integration: Option<String>,
    /// A connection.
    connection: Option<String>,
    /// For whom; left out = a connection that the workspace shares.
    end_user: Option<EndUser>,
    /// Left out = all that the policies allow. A provider without scopes has the one scope `*`.
    scopes: Option<Vec<String>>,
    /// Left out = the narrowest that the policies allow.
    form: Option<FormName>,
    /// How long the token must still be good; the hub renews it where it must.
    #[serde(default)]
    min_ttl_seconds: u64,
    /// Why, in the agent's own words: kept in the audit record.
    reason: Option<String>,
    /// Where the browser goes if the person has to link first; one of the workspace's.
    return_url: Option<String>,
    /// Needed where the provider's `auth` is `oauth1`, and only there: its requests are signed one by one and there is no
    /// token to give. The answer's `apply` has the `Authorization` header of this request alone: send it once, and at once.
    request: Option<RequestToSign>,
}

/// The answer. All of these are expected states; faults are problems.
#[derive(Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
enum TokenResponse {
    /// Access.
    Issued(Box<IssuedView>),
    /// A person must link first, or again.
    ConnectRequired(Box<ConnectRequiredView>),
    /// There are several accounts: ask again with one `connection`.
    SelectionRequired(SelectionRequiredView),
    /// A person must approve first (comes with approvals; no policy asks for one yet).
    #[allow(dead_code, reason = "agents are written against all four answers from the start")]
    ApprovalRequired(ApprovalRequiredView),
}

/// How to place the credential in a request: use it as it is; not everything is a bearer token.
#[derive(Serialize, ToSchema)]
struct ApplyView {
    #[schema(example = json!({ "authorization": "Bearer …" }))]
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    /// What stands in the path, between `api_base` and what is asked; there only where a provider wants it so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/bot123456:…")]
    path: Option<String>,
}

impl From<Apply> for ApplyView {
    fn from(apply: Apply) -> Self {
        let shown = |map: BTreeMap<String, base::SecretString>| {
            map.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
        };
        let path = apply.path.map(|part| part.expose_secret().to_owned());
        Self { headers: shown(apply.headers), query: shown(apply.query), path }
    }
}

/// Access.
#[derive(Serialize, ToSchema)]
struct IssuedView {
    /// The token; null where the credential is no single token.
    access_token: Option<String>,
    #[schema(example = "Bearer")]
    token_type: String,
    apply: ApplyView,
    /// When it ends; null = it does not. A signature is good for its one request: it ends as it is made.
    expires_at: Option<Time>,
    /// What it can really do.
    #[schema(example = json!(["crm.contacts.read"]))]
    scopes: Vec<String>,
    form: FormName,
    /// Where the provider's API is.
    api_base: Option<String>,
    #[schema(example = "con_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    connection: String,
    /// The record of this hand-out.
    #[schema(example = "rel_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    release: String,
}

impl From<Issued> for IssuedView {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: issued.access_token.map(|token| token.expose_secret().to_owned()),
            token_type: issued.token_type,
            apply: issued.apply.into(),
            expires_at: issued.expires_at.map(Into::into),
            scopes: issued.scopes,
            form: issued.form.into(),
            api_base: issued.api_base,
            connection: issued.connection,
            release: issued.release,
        }
    }
}

/// Why a person is needed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// There is no such connection yet.
    NotConnected,
    /// The connection was granted less than is asked for.
    MissingScopes,
    /// The provider ended the grant.
    ReauthorizationRequired,
    /// A link was finished; the platform has not completed it.
    ConfirmationPending,
}

/// Who can put it right.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FixableByName {
    /// The end user, by linking.
    EndUser,
    /// The workspace's owner.
    Workspace,
}

/// A person must link first, or again.
#[derive(Serialize, ToSchema)]
pub(super) struct ConnectRequiredView {
    reason: Reason,
    missing_scopes: Vec<String>,
    fixable_by: FixableByName,
    /// The page for the person to open; null where no end user can put it right.
    connect_url: Option<String>,
    session: Option<String>,
    expires_at: Option<Time>,
    /// Where to wait for it.
    #[schema(example = "/v1/connect-sessions/ses_01k9x2q7b3n5v8z0c4d6f1g2h3?wait=25")]
    poll: Option<String>,
    /// For a person, or for the agent to say.
    message: String,
}

impl From<ConnectRequired> for ConnectRequiredView {
    fn from(required: ConnectRequired) -> Self {
        let poll = |id: &String| format!("/v1/connect-sessions/{id}?wait=25");
        let session = required.session;
        Self {
            reason: match required.reason {
                ConnectReason::NotConnected => Reason::NotConnected,
                ConnectReason::MissingScopes => Reason::MissingScopes,
                ConnectReason::ReauthorizationRequired => Reason::ReauthorizationRequired,
                ConnectReason::ConfirmationPending => Reason::ConfirmationPending,
            },
            missing_scopes: required.missing_scopes,
            fixable_by: match required.fixable_by {
                FixableBy::EndUser => FixableByName::EndUser,
                FixableBy::Workspace => FixableByName::Workspace,
            },
            poll: session.as_ref().map(|open| poll(&open.id)),
            expires_at: session.as_ref().map(|open| open.expires_at.into()),
            connect_url: session.as_ref().map(|open| open.url.clone()),
            session: session.map(|open| open.id),
            message: required.message,
        }
    }
}

/// Several accounts would do.
#[derive(Serialize, ToSchema)]
pub(super) struct SelectionRequiredView {
    choices: Vec<ChoiceView>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
struct ChoiceView {
    #[schema(example = "con_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    connection: String,
    account: AccountView,
}

/// A person must approve first.
#[derive(Serialize, ToSchema)]
struct ApprovalRequiredView {
    #[schema(example = "apr_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    approval: String,
    expires_at: Time,
    /// Where to wait for it.
    poll: String,
}

impl SelectionRequiredView {
    pub(super) fn of(choices: Vec<Choice>) -> Self {
        let choices = choices.into_iter().map(|choice| ChoiceView {
            connection: choice.connection,
            account: AccountView { id: choice.account_id, label: choice.label },
        });
        Self { choices: choices.collect() }
    }
}

/// The one thing that is named.
pub(super) fn target(
    provider: Option<String>,
    integration: Option<String>,
    connection: Option<String>,
) -> Answer<Target> {
    match (provider, integration, connection) {
        (Some(slug), None, None) => Ok(Target::Provider(slug)),
        (None, Some(name), None) => Ok(Target::Integration(name)),
        (None, None, Some(id)) => Ok(Target::Connection(id)),
        _ => {
            let detail = "Name exactly one of `provider`, `integration` and `connection`.";
            Err(hub::Error::invalid("target_ambiguous", detail).into())
        }
    }
}

/// The agent's own words, if they are not too many.
pub(super) fn bounded(reason: Option<String>) -> Answer<Option<String>> {
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > MOST_REASON) {
        let detail = format!("`reason` has at most {MOST_REASON} characters.");
        return Err(hub::Error::invalid("reason_too_long", detail).into());
    }
    Ok(reason)
}

/// What is to be signed, if it is not too much.
fn to_sign(request: RequestToSign) -> Answer<Request> {
    let length: usize = request.form.iter().map(|(name, value)| name.len() + value.len()).sum();
    let fits =
        request.url.len() <= MOST_URL && request.form.len() <= MOST_FIELDS && length <= MOST_FORM;
    if !fits {
        let detail = format!(
            "`request.url` has at most {MOST_URL} bytes, and `request.form` at most {MOST_FIELDS} fields of {MOST_FORM} bytes together."
        );
        return Err(hub::Error::invalid("request_invalid", detail).into());
    }
    Ok(Request {
        method: request.method.into(),
        url: request.url,
        form: request.form.into_iter().collect(),
    })
}

fn read(request: TokenRequest) -> Answer<(TokenAsk, Option<String>)> {
    let target = target(request.provider, request.integration, request.connection)?;
    if request.min_ttl_seconds > MOST_TTL {
        let detail = format!("`min_ttl_seconds` is at most {MOST_TTL}: a day.");
        return Err(hub::Error::invalid("min_ttl_invalid", detail).into());
    }
    let reason = bounded(request.reason)?;
    if request.scopes.as_ref().is_some_and(|scopes| scopes.is_empty() || scopes.len() > 500) {
        let detail = "`scopes` names 1 to 500 scopes; leave it out for all that is allowed.";
        return Err(hub::Error::invalid("scopes_invalid", detail).into());
    }
    let ask = TokenAsk {
        target,
        end_user: request.end_user.map(|user| user.id),
        scopes: request.scopes,
        form: request.form.map(Into::into),
        min_ttl: Duration::from_secs(request.min_ttl_seconds),
        reason,
        action: None,
        request: request.request.map(to_sign).transpose()?,
    };
    Ok((ask, request.return_url))
}

/// Ask for access at tool-call time
///
/// A policy decides, the release is durable before the credential leaves. A still-valid token is handed out even while a
/// refresh fails or the provider is down.
#[utoipa::path(post, path = "/v1/token", tag = "token", security(("key" = [])), request_body = TokenRequest,
    responses((status = 200, body = TokenResponse)))]
async fn token(
    State(state): State<AppState>,
    caller: Caller,
    body: Body<TokenRequest>,
) -> Answer<Json<TokenResponse>> {
    let (ask, return_url) = read(body.value)?;
    let answer = session::token(
        &state.store,
        &state.registry,
        &state.writer,
        &state.refresher,
        &caller.asker(),
        &ask,
        return_url.as_deref(),
    )
    .await?;
    Ok(Json(match answer {
        HubAnswer::Issued(issued) => TokenResponse::Issued(Box::new((*issued).into())),
        HubAnswer::ConnectRequired(required) => {
            TokenResponse::ConnectRequired(Box::new((*required).into()))
        }
        HubAnswer::SelectionRequired(choices) => {
            TokenResponse::SelectionRequired(SelectionRequiredView::of(choices))
        }
    }))
}
