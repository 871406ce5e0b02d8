//! Where secrets must not be.

use base::ExposeSecret;
use connector::{
    Credential, Manifest,
    manifest::{Encoding, Placement, RevokeMethod},
};
use oauth::AuthorizeOptions;
use serde_json::json;
use url::form_urlencoded;

use crate::{
    Subject,
    fixture::Fixture,
    flow::{CODE, Flow, SECRET, troubles},
    keys,
    log::Log,
    peer::Answer,
    subject::KEY,
};

/// No secret in a URL, in an error, in `Debug`, or in a log of any level, whatever goes well or wrong.
pub async fn nothing_secret_leaks(subject: &Subject) {
    tokio::time::pause();
    let log = Log::start();
    let flow = Flow::start(subject).await;
    let mut told = Vec::new();
    let mut secrets = vec![SECRET.to_owned(), CODE.to_owned(), KEY.to_owned()];
    secrets.extend(keys::secret_parts(subject.manifest()));
    if subject.has_a_browser() {
        let begun = flow.authorize(1, &AuthorizeOptions::default()).await;
        secrets.push(begun.pkce_verifier.expose_secret().to_owned());
        told.push(begun.url.to_string());
    }
    let credential = flow.credential().await;
    secrets.extend(of(&credential));
    told.push(format!("{credential:?} {:?} {:?}", flow.inputs, flow.client));
    told.push(format!("{:?}", subject.manifest().apply(&credential)));
    if let Credential::OAuth(tokens) = &credential {
        told.extend(oauth_troubles(&flow, tokens, &secrets).await);
    }
    for answer in answers(&secrets) {
        let result = flow.identify(&credential, answer).await;
        told.extend(result.err().map(|error| format!("{error} {error:?}")));
    }
    let in_the_query = wants_secrets_in_a_query(subject.manifest());
    let in_a_path =
        flow.endpoints.revoke.as_ref().and_then(|url| {
            url.as_str().split_once("%7Btoken%7D").map(|(start, _)| start.to_owned())
        });
    let api = subject.manifest().api_base(&flow.inputs, &credential);
    let in_its_path = placed_in(subject.manifest(), Placement::Path);
    let urls = flow.peer.seen().into_iter().map(|seen| {
        let mut url = seen.url;
        // Some providers want it there, and only there.
        if in_the_query {
            url.set_query(None);
        }
        if in_its_path && url.host_str() == api.as_ref().and_then(|api| api.host_str()) {
            url.set_path("");
        }
        match &in_a_path {
            Some(start) if url.as_str().starts_with(start) => start.clone(),
            _ => url.to_string(),
        }
    });
    told.extend(urls);

    let logged = log.text();
    assert!(logged.contains("sent"), "nothing was logged, so nothing was checked");
    told.push(logged);
    for text in told {
        for secret in &secrets {
            assert!(
                !holds(&text, secret),
                "a secret is in: {}",
                text.replace(secret.as_str(), "<secret>")
            );
        }
    }
}

fn placed_in(manifest: &Manifest, place: Placement) -> bool {
    manifest.api.credential.as_ref().is_some_and(|spec| spec.place == place)
}

fn wants_secrets_in_a_query(manifest: &Manifest) -> bool {
    let revoke = &manifest.revoke;
    placed_in(manifest, Placement::Query)
        || manifest.token.encoding == Encoding::Query
        || revoke.encoding == Some(Encoding::Query)
        || revoke.method == RevokeMethod::Get
}

/// Whether a text holds a secret, as it is or encoded.
fn holds(text: &str, secret: &str) -> bool {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    text.contains(secret) || text.contains(&encoded)
}

fn of(credential: &Credential) -> Vec<String> {
    let plain = |secret: &base::SecretString| secret.expose_secret().to_owned();
    match credential {
        Credential::OAuth(tokens) => {
            let others = [&tokens.refresh, &tokens.id_token];
            let others = others.into_iter().flatten().map(plain);
            others.chain([plain(&tokens.access)]).collect()
        }
        Credential::OAuth1(pair) => vec![plain(&pair.token), plain(&pair.secret)],
        Credential::Keys(keys) => keys.values().map(plain).collect(),
    }
}

/// Troubles of every kind, and replies that quote what was sent.
fn answers(secrets: &[String]) -> Vec<Answer> {
    let quote = secrets.join(" ");
    let quotes = [200, 400, 401, 500].map(|status| {
        let body = json!({"error": quote, "error_description": quote, "message": quote});
        Answer::from(Fixture::json(status, body))
    });
    let bare =
        secrets.iter().map(|secret| Answer::from(Fixture::json(400, json!({"error": secret}))));
    let text = Answer::from(Fixture::json(200, json!(quote)));
    troubles().into_values().chain(quotes).chain(bare).chain([text]).collect()
}

async fn oauth_troubles(
    flow: &Flow<'_>,
    tokens: &connector::TokenSet,
    secrets: &[String],
) -> Vec<String> {
    let connector = flow.subject.connector.as_ref();
    let mut told = Vec::new();
    // A token that is none: whoever complains of it must not show it.
    let access = tokens.access.expose_secret();
    let odd = flow.subject.fixture("token_ok").with(access, &format!("{access} {access}"));
    for answer in answers(secrets).into_iter().chain([Answer::from(odd)]) {
        let linked = flow.link(answer.clone()).await;
        told.extend(linked.err().map(|error| format!("{error} {error:?}")));
        if tokens.refresh.is_some() {
            let refreshed = flow.refresh(tokens, answer.clone()).await;
            told.extend(refreshed.err().map(|error| format!("{error} {error:?}")));
        }
        flow.peer.oauth(answer);
        let ended =
            oauth::revoke(&flow.outbound, connector, &flow.endpoints, &flow.client, tokens).await;
        told.extend(ended.err().map(|error| format!("{error} {error:?}")));
    }
    told
}
