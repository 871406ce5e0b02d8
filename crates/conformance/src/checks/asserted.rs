//! An assertion in the place of a code, signed with a key that a person fills in.

use base::ExposeSecret;
use connector::{AuthKind, ErrorKind, manifest::GrantSpec};
use serde_json::{Value, json};

use super::{exchange::compare, session::declared};
use crate::{
    Subject,
    fixture::Fixture,
    flow::{Flow, NOW},
    keys,
    peer::{Answer, Seen},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What is sent is signed with the key that was filled in and says what the manifest says; the next token is asked
/// for with an assertion of its own, and the key stays sealed with the grant, whatever the provider answers.
pub async fn an_assertion_is_exchanged_as_declared(subject: &Subject) {
    if subject.manifest().auth.kind != AuthKind::JwtBearer {
        return;
    }
    let spec = subject.manifest().assertion.as_ref().expect("a sound manifest has it");
    let flow = Flow::start(subject).await;
    let good = subject.fixture("token_ok");
    let begun = flow.exchanged(Answer::from(good.clone())).await.expect("token_ok.json");
    compare(&good.expect, &begun);
    let first = said(&flow, spec, &flow.peer.last());
    let kept = |tokens: &connector::TokenSet| {
        tokens.refresh.as_ref().map(|kept| kept.expose_secret().to_owned())
    };
    assert!(kept(&begun).is_some_and(|text| text.contains("PRIVATE KEY")), "the key is kept");

    let mut more = good.clone();
    more.body["refresh_token"] = json!("one-that-is-not-used");
    let again = flow.refresh(&begun, Answer::from(more)).await.expect("a good reply");
    let second = said(&flow, spec, &flow.peer.last());
    assert_ne!(first["jti"], second["jti"], "a used assertion is refused");
    assert_eq!(kept(&again), kept(&begun), "the key stays");

    let down = flow.exchanged(Answer::from(Fixture::json(503, json!({})))).await;
    let down = down.expect_err("a 503 gives no token");
    assert_eq!(down.kind(), ErrorKind::Unavailable, "a fault is no refusal");
    shows_no_key(spec, &format!("{down} {down:?} {begun:?} {:?} {:?}", flow.inputs, flow.client));
}

/// The claims, if this request is as declared.
fn said(flow: &Flow<'_>, spec: &GrantSpec, asked: &Seen) -> Value {
    declared(flow, asked);
    let manifest = flow.subject.manifest();
    let fields = asked.fields();
    let field = |name: &str| fields.get(name).map(String::as_str);
    assert!(manifest.token.params.contains_key("grant_type") || field("grant_type") == Some(GRANT));
    let sent = format!("{fields:?} {} {:?}", asked.url, asked.headers);
    shows_no_key(spec, &sent);

    let assertion = field("assertion").expect("an assertion was sent");
    let (header, claims) = keys::verified(spec.algorithm, assertion);
    assert_eq!(header["alg"], spec.algorithm.name());
    let answers = flow.subject.answers();
    // None where something is not answered.
    let filled = |template: &str| {
        let mut text = template.to_owned();
        for (name, answer) in &answers {
            text = text.replace(&format!("{{{name}}}"), answer);
        }
        (!text.contains('{')).then_some(text)
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    assert_eq!(text(&header["kid"]), spec.key_id.as_deref().and_then(filled));
    assert_eq!(text(&claims["iss"]), filled(&spec.issuer));
    assert_eq!(text(&claims["sub"]), spec.subject.as_deref().and_then(filled));
    let endpoint = flow.endpoints.token.as_ref().map(ToString::to_string);
    assert_eq!(text(&claims["aud"]), spec.audience.as_deref().map_or(endpoint, filled));
    for (name, template) in &spec.claims {
        assert_eq!(text(&claims[name]), filled(template), "the claim `{name}`");
    }
    let scopes = flow.subject.scopes();
    let scopes = (!manifest.authorize.scopes_on_app && scopes != ["*"])
        .then(|| scopes.join(&manifest.authorize.scope_separator));
    match &spec.scope_claim {
        Some(name) => assert_eq!(text(&claims[name]), scopes, "the scopes"),
        None => assert_eq!(field("scope").map(str::to_owned), scopes, "the scopes"),
    }
    assert_eq!(claims["iat"], NOW.secs());
    assert_eq!(claims["exp"], NOW.secs() + i64::from(spec.lifetime_s));
    assert!(claims["jti"].as_str().is_some_and(|id| id.len() >= 22), "its id can't be guessed");
    claims
}

fn shows_no_key(spec: &GrantSpec, text: &str) {
    let key = keys::pem(spec.algorithm);
    let inside = key.lines().filter(|line| !line.starts_with("-----"));
    inside.for_each(|line| assert!(!text.contains(line), "a part of the key is shown"));
}
