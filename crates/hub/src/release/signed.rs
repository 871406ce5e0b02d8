//! Hand-outs where each request is signed (OAuth 1.0a): no secret leaves. An agent names the request that it is
//! about to send, and is given a signature for it alone.

use connector::{Api, Apply, ErrorKind, Manifest, Method, Opens};

use super::ask::{Parts, TokenAsk};
use crate::{
    Error, Result,
    connection::{self, Connection, Stored},
    integration::App,
    policy::{Denied, Form, Granted},
};

/// A request that an agent is about to send.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its whole URL, with the query.
    pub url: String,
    /// The fields of a form-encoded body; none = no body, or one of another kind, which is not signed.
    pub form: Vec<(String, String)>,
}

/// Whether this app's requests are signed one by one.
pub(super) fn is_signed(app: &App) -> bool {
    app.connector.manifest().signs_requests()
}

/// What may be signed: what the scopes open, as for actions. Whoever may have a whole token may send anything
/// where no scope of the manifest tells what it opens.
fn opened(manifest: &Manifest, form: Form, scopes: &[String]) -> Opens {
    let silent = manifest.scopes.iter().all(|scope| scope.allows.is_empty());
    match form {
        Form::WholeToken if silent => Opens::everything(),
        Form::WholeToken | Form::NarrowedToken => manifest.opened_by(scopes),
    }
}

/// Checks, before the release is recorded, that there is a request and that it may be signed. A denial is what
/// the scopes do not open.
pub(super) async fn check(
    parts: &Parts<'_>,
    row: &Connection,
    app: &App,
    granted: &Granted,
    scopes: &[String],
    ask: &TokenAsk,
) -> Result<Option<Denied>> {
    // Actions are signed as they are sent.
    let Some(form) = granted.form else { return Ok(None) };
    let manifest = app.connector.manifest();
    let name = &manifest.display_name;
    let request = match (&ask.request, is_signed(app)) {
        (None, false) => return Ok(None),
        (Some(_), false) => {
            return Err(Error::invalid(
                "request_not_signed",
                format!("{name} takes a token, not signed requests. Leave `request` out."),
            ));
        }
        (None, true) => {
            return Err(Error::invalid(
                "request_required",
                format!(
                    "{name} speaks OAuth 1.0a: each request is signed, and there is no token to hand out. Send `request` with the `method`, the whole `url` and, of a form, the `form` fields of what you are about to send; or have it done by an action."
                ),
            ));
        }
        (Some(request), true) => request,
    };
    let stored = connection::open_credential(parts.store, row).await?;
    let api = api(parts, app, &stored, form, scopes).await?;
    match api.may_sign(&request.method, &request.url) {
        Ok(_) => Ok(None),
        Err(error) if error.kind == ErrorKind::Denied => Ok(Some(Denied {
            policy: Some(granted.policy.clone()),
            why: format!("What is allowed does not open this request to {name}."),
            scopes: scopes.to_vec(),
        })),
        Err(error) if error.kind == ErrorKind::Unsupported => Err(Error::conflict(
            "request_not_signable",
            format!("{name}: {error}. Nothing is handed out; have it done by an action."),
        )),
        Err(error) => Err(Error::invalid("request_invalid", format!("{name}: {error}."))
            .with("api_base", base(manifest, app, &stored)?)),
    }
}

fn base(manifest: &Manifest, app: &App, stored: &Stored) -> Result<Option<String>> {
    let inputs = app.inputs(&stored.inputs)?;
    Ok(manifest.api_base(&inputs, &stored.credential).map(|url| url.to_string()))
}

/// After the release is durable: the header of this one request.
pub(super) async fn sign(
    parts: &Parts<'_>,
    app: &App,
    stored: &Stored,
    form: Form,
    scopes: &[String],
    ask: &TokenAsk,
) -> Result<Apply> {
    let request =
        ask.request.as_ref().ok_or_else(|| Error::internal("a request was checked and is gone"))?;
    let api = api(parts, app, stored, form, scopes).await?;
    let header = api
        .sign_for(&request.method, &request.url, &request.form)
        .map_err(|error| Error::internal(error.to_string()))?;
    let mut apply = Apply::default();
    apply.headers.insert("authorization".to_owned(), header);
    Ok(apply)
}

async fn api(
    parts: &Parts<'_>,
    app: &App,
    stored: &Stored,
    form: Form,
    scopes: &[String],
) -> Result<Api> {
    let api = app.api(parts.store, parts.registry, &stored.inputs, &stored.credential).await?;
    Ok(api.within(opened(app.connector.manifest(), form, scopes)))
}
