//! The HTTP API and its document.

mod v1;
mod view;

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, Response,
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::{http::swagger_headers, problem::Problem, state::AppState};

/// What the document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Valetkey",
        description = "Hand your agents the valet key, not the master key.\n\n\
            A hub between AI agents and the apps that people use: it keeps refresh tokens sealed and access \
            tokens fresh, and hands an agent as much access as a policy allows, at the moment it calls a tool.\n\n\
            **Keys.** `vk_platform_…` (the platform; names its workspace in `X-Valetkey-Workspace` and, with the role \
            `agent`, its agent in `X-Valetkey-Agent`), `vk_ws_…` (a workspace), `vk_agent_…` (an agent). Send them as \
            `Authorization: Bearer …`.\n\n\
            **Errors** are `application/problem+json` (RFC 9457) with a stable `code`. **Lists** are paged by `cursor` and \
            `limit`. **Creates** take an `Idempotency-Key` for 24 hours; a replayed secret is null. Every answer carries \
            `X-Request-Id`.\n\n\
            **Limits.** Answers to a right key carry `RateLimit-Policy` and `RateLimit`; beyond a limit the answer is 429 \
            `rate_limited` with `Retry-After`, and `limit` names which it is. A body has at most 1 MiB.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Security),
    tags(
        (name = "token", description = "Agents ask for access"),
        (name = "actions", description = "Agents have things done"),
        (name = "connect", description = "People link accounts"),
        (name = "set-up", description = "Providers, clients, integrations, agents, policies"),
        (name = "platform", description = "Workspaces and keys"),
        (name = "audit", description = "What happened"),
    )
)]
struct About;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key: vk_platform_…, vk_ws_… or vk_agent_…"))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// Every operation has a declared default answer: the problem.
fn add_default_answers(document: &mut Document) {
    let problem = Response::builder()
        .description("A problem: what happened, why and what to do")
        .content(
            "application/problem+json",
            Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem")))),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let answers = &mut operation.responses.responses;
            answers.entry("default".to_owned()).or_insert_with(|| problem.clone().into());
        }
    }
}

fn parts() -> (Router<AppState>, Document) {
    let (router, mut document) =
        OpenApiRouter::with_openapi(About::openapi()).merge(v1::router()).split_for_parts();
    add_default_answers(&mut document);
    (router, document)
}

/// The OpenAPI document as text.
pub(crate) fn document_text() -> Result<String, serde_json::Error> {
    parts().1.to_pretty_json()
}

/// The API, its document and the page that shows it.
pub(crate) fn router() -> Router<AppState> {
    let (router, document) = parts();
    let text = bytes::Bytes::from(document.to_json().unwrap_or_default());
    let shown: Router<AppState> =
        SwaggerUi::new("/docs").url("/docs/openapi.json", document).into();
    router.merge(shown.layer(axum::middleware::from_fn(swagger_headers))).route(
        "/openapi.json",
        get(async move || ([(CONTENT_TYPE, "application/json")], text.clone())),
    )
}
