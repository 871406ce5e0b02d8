//! `/v1/providers`: what can be linked.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use connector::{
    AuthKind, ClientAuth, Manifest,
    manifest::{Access, DatedUrl, InputKind},
};
use hub::{
    provider::{self, DryRun, Found, Step},
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::{List, RequestView};
use crate::{
    http::{Body, Caller, Created, IdempotencyKey, PathId, QueryOf, create},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(get))
}

/// An app that can be linked.
#[derive(Serialize, ToSchema)]
struct ProviderView {
    #[schema(example = "acme")]
    slug: String,
    display_name: String,
    category: String,
    docs_url: Option<String>,
    /// `oauth2_code`, `oauth2_client_credentials`, `oauth1`, `api_key`, `basic`, `session_exchange` or `jwt_bearer`.
    auth: &'static str,
    /// How its clients identify themselves: `post`, `basic`, `header`, `private_key_jwt`, `mtls` or `none`; null where
    /// it knows no clients.
    client_auth: Option<&'static str>,
    /// Whether its clients show a certificate in TLS.
    client_certificate: bool,
    /// The version of a workspace's own provider; null for a built-in.
    version: Option<i64>,
    /// Whether the form `narrowed_token` can be had: the provider narrows tokens, or its requests are signed one by one.
    can_narrow: bool,
    /// Whether a grant can be ended at the provider.
    can_revoke: bool,
    inputs: Vec<InputView>,
    scopes: Vec<ScopeView>,
    /// Its addresses that end. The hub changes over by itself, on the day after.
    address_changes: Vec<AddressChangeView>,
}

/// An address that ends.
#[derive(Serialize, ToSchema)]
struct AddressChangeView {
    /// `request_token`, `authorize`, `token`, `refresh`, `exchange`, `revoke`, `introspect` or `userinfo`.
    address: &'static str,
    url: String,
    /// The last day on which it is good.
    #[schema(example = "2027-02-16")]
    valid_until: String,
    /// What takes its place.
    successor: String,
}

/// Something that must be known before linking: an integration's `settings`, or asked on the connect page.
#[derive(Serialize, ToSchema)]
struct InputView {
    name: String,
    label: String,
    help: Option<String>,
    secret: bool,
    required: bool,
    pattern: Option<String>,
    #[serde(rename = "enum")]
    one_of: Vec<String>,
    default: Option<String>,
    /// What the address goes on with behind the answer; an answer may have it.
    #[schema(example = ".example.com")]
    suffix: Option<String>,
    /// `text`, `host`, `url`, `region` or `private_key`.
    kind: &'static str,
}

/// A scope.
#[derive(Serialize, ToSchema)]
struct ScopeView {
    name: String,
    /// In plain words.
    title: String,
    /// `read`, `write` or `admin`.
    access: &'static str,
}

impl From<Found> for ProviderView {
    fn from(found: Found) -> Self {
        let manifest = found.connector.manifest();
        let scopes = manifest.scopes.iter().map(|scope| ScopeView {
            name: scope.name.clone(),
            title: scope.title.clone(),
            access: match scope.access {
                Access::Read => "read",
                Access::Write => "write",
                Access::Admin => "admin",
            },
        });
        let inputs = manifest.inputs.iter().map(|input| InputView {
            name: input.name.clone(),
            label: input.label.clone(),
            help: input.help.clone(),
            secret: input.secret,
            required: input.required,
            pattern: input.pattern.clone(),
            one_of: input.one_of.clone(),
            default: input.default.clone(),
            suffix: input.suffix.clone(),
            kind: match input.kind {
                InputKind::Text => "text",
                InputKind::Host => "host",
                InputKind::Url => "url",
                InputKind::Region => "region",
                InputKind::PrivateKey => "private_key",
            },
        });
        Self {
            slug: manifest.slug.clone(),
            display_name: manifest.display_name.clone(),
            category: manifest.category.clone(),
            docs_url: manifest.docs_url.clone(),
            auth: match manifest.auth.kind {
                AuthKind::Oauth2Code => "oauth2_code",
                AuthKind::Oauth2ClientCredentials => "oauth2_client_credentials",
                AuthKind::ApiKey => "api_key",
                AuthKind::Basic => "basic",
                AuthKind::SessionExchange => "session_exchange",
                AuthKind::JwtBearer => "jwt_bearer",
                AuthKind::Oauth1 => "oauth1",
            },
            client_auth: client_auth(manifest),
            client_certificate: manifest.client.certificate,
            version: found.version,
            can_narrow: manifest.can_narrow() || manifest.signs_requests(),
            can_revoke: manifest.can_revoke(),
            inputs: inputs.collect(),
            scopes: scopes.collect(),
            address_changes: manifest.urls.dated().into_iter().map(change).collect(),
        }
    }
}

fn client_auth(manifest: &Manifest) -> Option<&'static str> {
    let name = match manifest.client.auth {
        ClientAuth::Post => "post",
        ClientAuth::Basic => "basic",
        ClientAuth::Header => "header",
        ClientAuth::PrivateKeyJwt => "private_key_jwt",
        ClientAuth::Mtls => "mtls",
        ClientAuth::None => "none",
    };
    manifest.auth.kind.has_a_client().then_some(name)
}

fn change((address, dated): (&'static str, &DatedUrl)) -> AddressChangeView {
    AddressChangeView {
        address,
        url: dated.url.clone(),
        valid_until: dated.valid_until.clone(),
        successor: dated.successor.clone(),
    }
}

/// Which providers.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// A part of the name.
    q: Option<String>,
    /// `crm`, `calendar`, `support`, `commerce`, `identity`, …
    category: Option<String>,
    /// The `next_cursor` of the part before.
    cursor: Option<String>,
    /// 1 to 200; 50 where it is left out.
    limit: Option<u64>,
}

impl Search {
    fn fits(&self, found: &Found) -> bool {
        let card = found.connector.card();
        let named = |q: &String| {
            let q = q.to_lowercase();
            card.slug.contains(&q) || card.display_name.to_lowercase().contains(&q)
        };
        self.q.as_ref().is_none_or(named)
            && self.category.as_ref().is_none_or(|category| category == card.category)
    }
}

/// The providers that this workspace can use, by slug
#[utoipa::path(get, path = "/v1/providers", tag = "set-up", security(("key" = [])), params(Search),
    responses((status = 200, body = List<ProviderView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(search): QueryOf<Search>,
) -> Answer<Json<List<ProviderView>>> {
    let workspace = caller.workspace(Role::Provision)?;
    let query = hub::page::PageQuery::new(search.cursor.clone(), search.limit)?;
    let mut found = provider::list(&state.store, &state.registry, workspace).await?;
    found.retain(|one| search.fits(one));
    // Slugs are the cursor: the list is sorted by them.
    let slug = |found: &Found| found.connector.card().slug.to_owned();
    if let Some(after) = query.after() {
        found.retain(|one| slug(one).as_str() > after);
    }
    Ok(Json(List::of(query.page(found, slug), ProviderView::from)))
}

/// A provider
#[utoipa::path(get, path = "/v1/providers/{provider}", tag = "set-up", security(("key" = [])),
    params(("provider" = String, Path, description = "Slug")), responses((status = 200, body = ProviderView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(slug): PathId,
) -> Answer<Json<ProviderView>> {
    let workspace = caller.workspace(Role::Provision)?;
    let found = provider::find(&state.store, &state.registry, workspace, &slug, None).await;
    let found = found.map_err(|error| match error.code {
        "provider_unknown" => hub::Error::not_found("provider"),
        _ => error,
    })?;
    Ok(Json(found.into()))
}

/// A workspace's own provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProvider {
    /// The manifest, as TOML; unknown keys are errors.
    #[schema(
        example = "slug = \"mine\"\ndisplay_name = \"Mine\"\ncategory = \"crm\"\n\n[auth]\nkind = \"oauth2_code\"\n"
    )]
    manifest: String,
    /// Keep nothing: answer with what the hub would send.
    #[serde(default)]
    dry_run: bool,
    /// For a dry run: answers to the manifest's inputs, those that are secret apart.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// What a manifest would do. Nothing was kept, and nothing was sent but, where the manifest names an `issuer`, the
/// question for its public discovery document.
#[derive(Serialize, ToSchema)]
struct DryRunView {
    provider: ProviderView,
    /// In the order in which they come. In the place of what only a real link has stand `CLIENT_ID`, `CLIENT_SECRET`,
    /// `CODE`, `ACCESS_TOKEN`, `REFRESH_TOKEN`, and a secret input's own name; of OAuth 1.0a `TEMPORARY_TOKEN`, `TEMPORARY_SECRET`,
    /// `VERIFIER`, `TOKEN` and `TOKEN_SECRET`, with which the signatures are made that are shown.
    requests: Vec<StepView>,
}

/// One request.
#[derive(Serialize, ToSchema)]
struct StepView {
    /// `request_token` (of OAuth 1.0a), `authorize` (where the browser goes), `token`, `refresh`, `introspect` (until when a token is good), `revoke` or `identify` (whose account it is, or whether
    /// the key is good).
    #[schema(example = "token")]
    step: &'static str,
    /// What would be sent; null where that can't be told yet.
    request: Option<RequestView>,
    /// Why it can't be told.
    why: Option<String>,
}

impl From<DryRun> for DryRunView {
    fn from(run: DryRun) -> Self {
        let requests = run.steps.into_iter().map(|Step { name, request }| {
            let (request, why) = match request {
                Ok(sketch) => (Some(sketch.into()), None),
                Err(why) => (None, Some(why)),
            };
            StepView { step: name, request, why }
        });
        Self { requests: requests.collect(), provider: run.found.into() }
    }
}

/// Add a provider of your own, or a new version of it
///
/// With `dry_run` the manifest is checked and the requests are shown that the hub would send with it.
#[utoipa::path(post, path = "/v1/providers", tag = "set-up", security(("key" = [])), request_body = NewProvider,
    responses((status = 201, body = ProviderView), (status = 200, body = DryRunView, description = "A dry run")))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<NewProvider>,
) -> Answer<Response> {
    let workspace = caller.workspace(Role::Provision)?;
    if body.value.dry_run {
        let NewProvider { manifest, settings, .. } = &body.value;
        let run = provider::dry_run(&state.store, &state.registry, manifest, settings).await?;
        return Ok(Json(DryRunView::from(run)).into_response());
    }
    if !body.value.settings.is_empty() {
        return Err(hub::Error::invalid(
            "settings_unused",
            "`settings` are for a dry run. To keep them, make an integration with them.",
        )
        .into());
    }
    let make = async {
        let manifest = &body.value.manifest;
        let found = provider::add(caller.store(), &state.registry, workspace, manifest).await?;
        Ok(Created::new(ProviderView::from(found), true))
    };
    create(&caller, key, &body.bytes, make).await
}
