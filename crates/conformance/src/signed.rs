//! A strict provider of OAuth 1.0a in this process. It verifies each signature by code of its own, from what
//! was sent alone (RFC 5849, section 3.2), and notes what it refused and why.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use base::{ExposeSecret, ManualClock, SecretString, SeededRng};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use connector::{Credential, oauth1::Signing};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Request, Response};
use oauth::{AuthorizeOptions, Client, Endpoints, Error, oauth1};
use outbound::Outbound;
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use url::Url;

use crate::{
    Subject,
    flow::{NOW, SECRET},
};

const CLIENT: &str = "cl:ient&1";
const TEMPORARY: (&str, &str) = ("tmp/1+a", "tmp&s3cret");
const VERIFIER: &str = "v3rifier&=1";
/// A token and a secret with what an encoding can get wrong.
const TOKEN: (&str, &str) = ("t0k/1+a.made.up", "t0k&s3cret%2F");

/// A request as the provider got it, and accepted it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its method.
    pub method: Method,
    /// Its whole URL.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// What OAuth says in its `Authorization` header; empty where it has none.
    pub said: Vec<(String, String)>,
}

impl Signed {
    /// One of what OAuth says.
    pub fn said(&self, name: &str) -> Option<&str> {
        self.said.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    nonces: BTreeSet<String>,
    accepted: Vec<Signed>,
    refused: Vec<String>,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Provider {
    state: Arc<Mutex<State>>,
    endpoints: Arc<Endpoints>,
    signs: bool,
    /// Fields that the token comes with.
    more: Arc<str>,
    whoami: Arc<Value>,
}

impl Provider {
    fn new(subject: &Subject, endpoints: &Endpoints) -> Self {
        let manifest = subject.manifest();
        let mut more = String::new();
        for capture in manifest.token.capture.values() {
            let _ = write!(more, "&{}=ana", encode(capture.from()));
        }
        let whoami = subject.find("whoami").map_or(Value::Null, |fixture| fixture.body);
        Self {
            state: Arc::default(),
            endpoints: Arc::new(endpoints.clone()),
            signs: manifest.signs_requests(),
            more: more.into(),
            whoami: Arc::new(whoami),
        }
    }

    fn outbound(&self) -> Outbound {
        let provider = self.clone();
        Outbound::in_process(move |request: Request<Bytes>| {
            let (status, body) = provider.answer(&request);
            let answer = Response::builder().status(status).body(Bytes::from(body));
            async move { answer.expect("a status and a body are an answer") }
        })
    }

    fn answer(&self, request: &Request<Bytes>) -> (u16, String) {
        let url = Url::parse(&request.uri().to_string()).expect("a request has a whole URL");
        let mut state = self.state.lock().expect("no check panics while it holds this");
        match self.judge(&mut state, request, &url) {
            Ok(body) => (200, body),
            Err(why) => {
                state.refused.push(format!("{} {}: {why}", request.method(), url.path()));
                (401, "oauth_problem=signature_invalid".to_owned())
            }
        }
    }

    fn judge(
        &self,
        state: &mut State,
        request: &Request<Bytes>,
        url: &Url,
    ) -> Result<String, String> {
        let is = |own: &Option<Url>| {
            own.as_ref().is_some_and(|own| own.path() == url.path() && own.host() == url.host())
        };
        let (wanted, token, answer) = if is(&self.endpoints.request_token) {
            let answer = format!(
                "oauth_token={}&oauth_token_secret={}&oauth_callback_confirmed=true",
                encode(TEMPORARY.0),
                encode(TEMPORARY.1)
            );
            ("oauth_callback", None, answer)
        } else if is(&self.endpoints.token) {
            let more = &self.more;
            let (token, secret) = (encode(TOKEN.0), encode(TOKEN.1));
            let answer = format!("oauth_token={token}&oauth_token_secret={secret}{more}");
            ("oauth_verifier", Some(TEMPORARY), answer)
        } else {
            ("", Some(TOKEN), self.whoami.to_string())
        };
        let is_api = wanted.is_empty();
        let header = request.headers().get("authorization").map(|v| v.to_str().unwrap_or(""));
        let said = match header {
            None if is_api && !self.signs => Vec::new(),
            header => {
                let said = read(header.ok_or("it is not signed")?)?;
                verify(state, request, url, &said, token)?;
                said
            }
        };
        let signed = Signed {
            method: request.method().clone(),
            url: url.clone(),
            headers: request.headers().clone(),
            said,
        };
        match (wanted, signed.said("oauth_verifier")) {
            ("oauth_callback", None) if signed.said(wanted).is_some() => {}
            ("oauth_verifier", Some(VERIFIER)) | ("", None) => {}
            _ => return Err(format!("`{wanted}` is not as it must be")),
        }
        state.accepted.push(signed);
        Ok(answer)
    }
}

/// What an `Authorization: OAuth` header says; a name that is there twice is refused.
fn read(header: &str) -> Result<Vec<(String, String)>, String> {
    let rest = header.strip_prefix("OAuth ").ok_or("it is not signed by OAuth")?;
    let mut said: Vec<(String, String)> = Vec::new();
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or("a part has no value")?;
        let value = value.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let (name, value) = (decode(name)?, decode(value.ok_or("a value is not quoted")?)?);
        if said.iter().any(|(known, _)| *known == name) {
            return Err(format!("`{name}` is there twice"));
        }
        said.push((name, value));
    }
    Ok(said)
}

fn verify(
    state: &mut State,
    request: &Request<Bytes>,
    url: &Url,
    said: &[(String, String)],
    token: Option<(&str, &str)>,
) -> Result<(), String> {
    let of = |name: &str| said.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str());
    let must = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_owned()) };
    must(of("oauth_consumer_key") == Some(CLIENT), "another client")?;
    must(of("oauth_version").is_none_or(|version| version == "1.0"), "another version")?;
    must(of("oauth_token") == token.map(|(token, _)| token), "another token")?;
    must(of("oauth_timestamp") == Some(&NOW.secs().to_string()), "another time")?;
    let nonce = of("oauth_nonce").filter(|nonce| nonce.len() >= 16).ok_or("a short nonce")?;
    must(state.nonces.insert(nonce.to_owned()), "a nonce was used again")?;
    let mut all = pairs(url.query().unwrap_or_default())?;
    let kind = request.headers().get("content-type").map(|value| value.as_bytes().to_vec());
    if kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded")) {
        all.extend(pairs(std::str::from_utf8(request.body()).map_err(|_| "a body is no text")?)?);
    }
    must(!all.iter().any(|(name, _)| name.starts_with("oauth_")), "OAuth is in a URL or a body")?;
    all.extend(said.iter().filter(|(name, _)| name != "oauth_signature").cloned());
    let mut lines: Vec<(String, String)> =
        all.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(name, value)| name + "=" + &value).collect();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let place = format!("{}://{host}{port}{}", url.scheme(), url.path());
    let text = [request.method().as_str(), &encode(&place), &encode(&lines.join("&"))].join("&");
    let key = encode(SECRET) + "&" + &encode(token.map_or("", |(_, secret)| secret));
    let expected = match of("oauth_signature_method") {
        Some("HMAC-SHA1") => {
            let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("any key");
            mac.update(text.as_bytes());
            BASE64_STANDARD.encode(mac.finalize().into_bytes())
        }
        Some("HMAC-SHA256") => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
            mac.update(text.as_bytes());
            BASE64_STANDARD.encode(mac.finalize().into_bytes())
        }
        Some("PLAINTEXT") => key,
        _ => return Err("another way to sign".to_owned()),
    };
    must(of("oauth_signature") == Some(expected.as_str()), "a wrong signature")
}

/// The fields of a query or form.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    let read = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
    };
    parts.map(read).collect()
}

/// RFC 5849, section 3.6.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn decode(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is not encoded");
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digits = text.get(at + 1..at + 3).ok_or_else(wrong)?;
            out.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).map_err(|_| wrong())
}

/// With what the client signs.
pub(crate) fn signing(seed: u64) -> Signing {
    Signing {
        client_id: CLIENT.to_owned(),
        client_secret: SecretString::from(SECRET),
        former: Vec::new(),
        clock: Arc::new(ManualClock::at(NOW)),
        rng: Arc::new(SeededRng::new(seed)),
    }
}

/// What came of a link.
pub(crate) struct Linked {
    /// Where the browser was sent.
    pub(crate) begun: Url,
    /// What the link brought.
    pub(crate) credential: Credential,
    pub(crate) outbound: Outbound,
    provider: Provider,
}

impl Linked {
    /// All requests that were accepted until now, in their order; fails if one was refused.
    pub(crate) fn accepted(&self) -> Vec<Signed> {
        let state = self.provider.state.lock().expect("no check panics while it holds this");
        assert!(state.refused.is_empty(), "refused: {}", state.refused.join("; "));
        state.accepted.clone()
    }
}

/// Links, as a person does, with the client's own secret.
pub(crate) async fn linked(subject: &Subject) -> Linked {
    link(subject, SECRET).await.unwrap_or_else(|error| panic!("no link comes of it: {error}"))
}

/// Links with this secret.
pub(crate) async fn link(subject: &Subject, secret: &str) -> Result<Linked, Error> {
    let connector = subject.connector.as_ref();
    let nobody = Outbound::in_process(|_| async { unreachable!("nothing is discovered") });
    let endpoints = oauth::endpoints(&nobody, subject.manifest(), &subject.inputs(), NOW).await?;
    let provider = Provider::new(subject, &endpoints);
    let outbound = provider.outbound();
    let client = Client {
        client_id: CLIENT.to_owned(),
        client_secret: Some(SecretString::from(secret)),
        redirect_uri: "https://hub.example/oauth/callback/cli_1".to_owned(),
        auth: None,
        proof: oauth::Proof::None,
        certificate: None,
    };
    let (rng, scopes) = (SeededRng::new(7), subject.scopes());
    let options = AuthorizeOptions::default();
    let begun =
        oauth1::begin(&outbound, NOW, &rng, connector, &endpoints, &client, &scopes, &options)
            .await?;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let query = [
        pair("state", begun.state.expose_secret()),
        pair("oauth_token", TEMPORARY.0),
        pair("oauth_verifier", VERIFIER),
    ];
    let temporary = &begun.temporary;
    let verifier = oauth1::read_callback(temporary, &query)
        .unwrap_or_else(|error| panic!("a good callback is refused: {error}"));
    let pair = oauth1::exchange(
        &outbound, NOW, &rng, connector, &endpoints, &client, temporary, &verifier,
    )
    .await?;
    assert_eq!((pair.token.expose_secret(), pair.secret.expose_secret()), TOKEN);
    let credential = Credential::OAuth1(pair);
    Ok(Linked { begun: begun.url, credential, outbound, provider })
}
