//! The token request.

use std::collections::BTreeMap;

use base::ExposeSecret;
use base64::{Engine, prelude::BASE64_STANDARD};
use connector::{
    ClientAuth, TokenSet,
    manifest::{
        AssertionParam, AssertionSpec, Encoding, Pkce, RedirectUri, TokenExchange, TokenMethod,
    },
};
use url::form_urlencoded;

use crate::{
    Subject,
    fixture::Expect,
    flow::{CODE, Flow, NOW, SECRET},
    keys,
    peer::Seen,
};

/// The request is written and authenticated as declared, difficult characters survive, and the reply is
/// read as the fixture expects.
pub async fn a_code_is_exchanged_as_declared(subject: &Subject) {
    super::a_session_is_begun_as_declared(subject).await;
    super::an_assertion_is_exchanged_as_declared(subject).await;
    if !subject.is_oauth() {
        return;
    }
    let flow = Flow::start(subject).await;
    let tokens = flow.linked().await;
    compare(&subject.fixture("token_ok").expect, &tokens);

    let manifest = subject.manifest();
    let asked = flow.peer.token_request(manifest.token.exchange.is_some());
    if let Some(spec) = &manifest.token.exchange {
        let endpoint = flow.endpoints.exchange.as_ref().or(flow.endpoints.token.as_ref());
        traded(&flow, spec, endpoint, &tokens);
    }
    let method = match manifest.token.method {
        TokenMethod::Post => "POST",
        TokenMethod::Get => "GET",
    };
    assert_eq!(asked.method, method);
    let mut url = asked.url.clone();
    if manifest.token.encoding == Encoding::Query {
        url.set_query(None);
    }
    assert_eq!(Some(&url), flow.endpoints.token.as_ref(), "it goes to the token endpoint");
    let content_type = match manifest.token.encoding {
        Encoding::Form => Some("application/x-www-form-urlencoded"),
        Encoding::Json => Some("application/json"),
        Encoding::Query => None,
    };
    assert_eq!(asked.header("content-type"), content_type);
    let own_accept = manifest.token.headers.keys().any(|name| name.eq_ignore_ascii_case("accept"));
    assert!(own_accept || asked.header("accept") == Some(manifest.token.reply.accept.as_str()));
    for (name, value) in &manifest.token.headers {
        assert_eq!(asked.header(name), Some(value.as_str()), "the fixed header `{name}`");
    }
    let fields = asked.fields();
    for (name, value) in &manifest.token.params {
        assert_eq!(fields.get(name), Some(value), "the fixed parameter `{name}`");
    }
    for (name, from) in &manifest.token.from_callback {
        let told = tokens.captured.get(from);
        assert!(told.is_some() && fields.get(name) == told, "`{name}`, as the callback told it");
    }
    let fixed = |name: &str| manifest.token.params.contains_key(name);
    let field = |name: &str| fields.get(name).map(String::as_str);
    if subject.has_a_browser() {
        assert!(fixed("grant_type") || field("grant_type") == Some("authorization_code"));
        assert_eq!(field("code"), Some(CODE), "the code survives");
        let told = match manifest.token.redirect_uri {
            RedirectUri::Always => true,
            RedirectUri::IfSent => {
                !manifest.authorize.omit.iter().any(|name| name == "redirect_uri")
            }
            RedirectUri::Never => false,
        };
        assert_eq!(field("redirect_uri"), told.then_some(flow.client.redirect_uri.as_str()));
        assert_eq!(fields.contains_key("code_verifier"), manifest.authorize.pkce != Pkce::Never);
    } else {
        assert!(fixed("grant_type") || field("grant_type") == Some("client_credentials"));
    }
    authenticated(&flow, &asked);
}

/// Whether the last request trades an access token as declared. The peer answers all alike: the token that was
/// sent is the one that came.
pub(super) fn traded(
    flow: &Flow<'_>,
    spec: &TokenExchange,
    endpoint: Option<&url::Url>,
    tokens: &TokenSet,
) {
    let asked = flow.peer.last();
    let method = match spec.method.unwrap_or(flow.subject.manifest().token.method) {
        TokenMethod::Post => "POST",
        TokenMethod::Get => "GET",
    };
    assert_eq!(asked.method, method);
    let mut page = asked.url.clone();
    if method == "GET" {
        page.set_query(None);
    }
    assert_eq!(Some(&page), endpoint, "where tokens are traded");
    let fields = asked.fields();
    assert_eq!(fields.get("grant_type"), Some(&spec.grant_type));
    let sent = fields.get(&spec.token_param).map(String::as_str);
    assert_eq!(sent, Some(tokens.access.expose_secret()), "the access token");
    if spec.client_auth == Some(ClientAuth::None) {
        let secret = &flow.subject.manifest().client.secret_param;
        assert!(!fields.contains_key(secret) && asked.header("authorization").is_none());
    } else {
        authenticated(flow, &asked);
    }
}

/// Whether the client identified itself in a way that is declared or discovered.
pub(super) fn authenticated(flow: &Flow<'_>, asked: &Seen) {
    let manifest = flow.subject.manifest();
    let methods = &flow.endpoints.token_auth_methods;
    let discovered = manifest.urls.token.is_none() && !methods.is_empty();
    let allowed = |method: ClientAuth, name: &str| {
        if discovered {
            methods.iter().any(|known| known == name)
        } else {
            manifest.client.auth == method
        }
    };
    let fields = asked.fields();
    let id = flow.client.client_id.as_str();
    let (id_param, secret_param) = (&manifest.client.id_param, &manifest.client.secret_param);
    let certified = manifest.client.certificate;
    assert_eq!(
        asked.shows_a_certificate, certified,
        "a certificate is shown where one is declared"
    );
    let own = manifest.client.header.as_ref().filter(|_| !discovered);
    if let Some(spec) = &manifest.client.assertion {
        asserted(flow, spec, &fields);
        assert_eq!(
            asked.header("authorization"),
            None,
            "a client identifies itself in one way only"
        );
    } else if let Some(spec) = own {
        let filled = spec.template.replace("{client_id}", id).replace("{client_secret}", SECRET);
        let found = asked.headers.get(&spec.name).map(http::HeaderValue::as_bytes);
        assert_eq!(found, Some(filled.as_bytes()), "the header of the provider's own");
        assert!(!fields.contains_key(secret_param), "a client identifies itself in one way only");
    } else if let Some(header) = asked.header("authorization") {
        assert!(allowed(ClientAuth::Basic, "client_secret_basic"), "HTTP Basic is not declared");
        let text = header.strip_prefix("Basic ").expect("the scheme is Basic");
        let pair = BASE64_STANDARD.decode(text).expect("Basic is base64");
        let pair = String::from_utf8(pair).expect("what is form-encoded is ASCII");
        // RFC 6749, section 2.3.1: both are form-encoded first.
        let (user, password) = pair.split_once(':').expect("a colon stands between them");
        assert_eq!((decoded(user).as_str(), decoded(password).as_str()), (id, SECRET));
        assert!(!fields.contains_key(secret_param), "a client identifies itself in one way only");
    } else if let Some(secret) = fields.get(secret_param) {
        assert!(
            allowed(ClientAuth::Post, "client_secret_post"),
            "the secret in the body is not declared"
        );
        assert_eq!((fields.get(id_param).map(String::as_str), secret.as_str()), (Some(id), SECRET));
    } else {
        let by_certificate = manifest.client.auth == ClientAuth::Mtls;
        let declared = by_certificate || allowed(ClientAuth::None, "none");
        assert!(declared, "the client did not identify itself");
        assert_eq!(fields.get(id_param).map(String::as_str), Some(id));
    }
}

/// Whether an assertion is signed, and says what is declared.
fn asserted(flow: &Flow<'_>, spec: &AssertionSpec, fields: &BTreeMap<String, String>) {
    let client = &flow.subject.manifest().client;
    let id = flow.client.client_id.as_str();
    let field = |name: &str| fields.get(name).map(String::as_str);
    assert_eq!(field(&client.id_param), Some(id));
    let assertion = match spec.param {
        AssertionParam::ClientAssertion => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            assert_eq!(field("client_assertion_type"), Some(kind));
            assert_eq!(field(&client.secret_param), None, "the key stays");
            field("client_assertion")
        }
        AssertionParam::ClientSecret => {
            assert_eq!(field("client_assertion"), None);
            field(&client.secret_param)
        }
    };
    let (header, claims) =
        keys::verified(spec.algorithm, assertion.expect("an assertion was sent"));
    assert_eq!(header["alg"], spec.algorithm.name());
    let filled = |template: &str| {
        let answers = flow.subject.answers();
        let issuer = flow.endpoints.issuer.as_deref().unwrap_or_default();
        let mut text = template.to_owned();
        for (name, answer) in &answers {
            text = text.replace(&format!("{{{name}}}"), answer);
        }
        text.replace("{client_id}", id).replace("{issuer}", issuer)
    };
    let usual = |template: &Option<String>| template.as_deref().map_or(id.to_owned(), filled);
    assert_eq!(header["kid"].as_str().map(str::to_owned), spec.key_id.as_deref().map(filled));
    assert_eq!(claims["iss"], usual(&spec.issuer));
    assert_eq!(claims["sub"], usual(&spec.subject));
    let endpoint = flow.endpoints.token.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(claims["aud"], spec.audience.as_deref().map_or(endpoint, filled));
    assert_eq!(claims["iat"], NOW.secs());
    assert_eq!(claims["exp"], NOW.secs() + i64::from(spec.lifetime_s));
    assert!(claims["jti"].as_str().is_some_and(|id| id.len() >= 22), "its id can't be guessed");
}

fn decoded(text: &str) -> String {
    let pair = format!("x={text}");
    let decoded =
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded.unwrap_or_default()
}

/// Compares what the fixture expects.
pub(super) fn compare(expect: &Expect, tokens: &TokenSet) {
    if let Some(access) = &expect.access {
        assert_eq!(tokens.access.expose_secret(), access, "the access token");
    }
    if let Some(refresh) = &expect.refresh {
        let found = tokens.refresh.as_ref().map(ExposeSecret::expose_secret);
        assert_eq!(found, Some(refresh.as_str()), "the refresh token");
    }
    if let Some(seconds) = expect.expires_in {
        let found = tokens.expires_at.map(|at| at.secs() - NOW.secs());
        assert_eq!(found, Some(seconds), "the seconds until it ends");
    }
    if expect.scopes.is_some() {
        assert_eq!(tokens.scopes, expect.scopes, "the scopes");
    }
}
