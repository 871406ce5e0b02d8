//! A signed assertion in the place of a code (RFC 7523, section 2.1).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base::ManualClock;
use base64::{Engine, prelude::BASE64_STANDARD};
use connector::{Connector, Declarative, ErrorKind, TokenSet};
use oauth::{Client, Endpoints, Proof, jwt_bearer};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use serde_json::{Value, json};

use crate::{
    assertion::{RSA, ec, pem, read},
    support::{NOW, Provider, Seen, client, exposed, of_kind, reply, rng, strings},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A provider that wants its scopes in a claim, as Google does.
fn connector(assertion: &str) -> Declarative {
    of_kind(
        "jwt_bearer",
        &format!(
            r#"
            urls.token = "https://login.example.com/token"
            refresh = {{ class = "static", accepts_scope = true }}
            [[inputs]]
            name = "email"
            label = "E-mail"
            required = true
            [[inputs]]
            name = "user"
            label = "User"
            [[inputs]]
            name = "key_id"
            label = "Key ID"
            [[inputs]]
            name = "private_key"
            label = "Private key"
            kind = "private_key"
            secret = true
            required = true
            [assertion]
            key = "private_key"
            issuer = "{{email}}"
            subject = "{{user}}"
            key_id = "{{key_id}}"
            {assertion}
            "#
        ),
    )
}

const GOOGLE: &str = "algorithm = \"RS256\"\nlifetime_s = 3600\nscope_claim = \"scope\"";

struct Scene {
    connector: Declarative,
    endpoints: Endpoints,
    provider: Provider,
    clock: Arc<ManualClock>,
    answers: BTreeMap<String, String>,
}

impl Scene {
    async fn new(connector: Declarative, key: &str, others: &[(&str, &str)]) -> Self {
        let answers = [("email", "robot@x.example"), ("private_key", key)];
        let answers = answers.iter().chain(others);
        let answers = answers.map(|(name, text)| ((*name).into(), (*text).into())).collect();
        let provider = Provider::saying(
            200,
            r#"{"access_token":"fresh","token_type":"Bearer","expires_in":3600,"refresh_token":"not-used"}"#,
        );
        let inputs = connector.manifest().check_inputs(&answers).unwrap();
        let endpoints = oauth::endpoints(&provider.outbound, connector.manifest(), &inputs, NOW);
        let endpoints = endpoints.await.unwrap();
        Self { connector, endpoints, provider, clock: Arc::new(ManualClock::at(NOW)), answers }
    }

    fn proof(&self) -> Proof {
        Proof::Signed { clock: self.clock.clone(), rng: Arc::new(rng()) }
    }

    async fn begin(&self, scopes: &[&str]) -> Result<TokenSet, oauth::Error> {
        let inputs = self.connector.manifest().check_inputs(&self.answers).unwrap();
        let (connector, scopes) = (&self.connector, strings(scopes));
        let outbound = &self.provider.outbound;
        jwt_bearer::begin(
            outbound,
            NOW,
            connector,
            &self.endpoints,
            &self.proof(),
            &inputs,
            &scopes,
        )
        .await
    }

    fn again(&self, tokens: &TokenSet, scopes: Option<&[&str]>) -> BTreeMap<String, String> {
        let client = Client { client_secret: None, proof: self.proof(), ..client() };
        let scopes = scopes.map(strings);
        let (connector, endpoints) = (&self.connector, &self.endpoints);
        let request =
            oauth::refresh::request(connector, endpoints, &client, tokens, scopes.as_deref());
        crate::support::fields(request.unwrap().body())
    }
}

/// Verified with RSA and SHA-256 by another library's reading of the key's public half.
fn by_rsa(assertion: &str) -> (Value, Value) {
    let (header, claims, text, signature) = read(assertion);
    let der = BASE64_STANDARD.decode(RSA.split_whitespace().collect::<String>()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
        .verify(text.as_bytes(), &signature)
        .unwrap();
    (header, claims)
}

#[tokio::test]
async fn a_key_that_was_filled_in_signs_for_the_scopes_and_the_answer_is_a_token() {
    let others = [("user", "ana@x.example"), ("key_id", "k1")];
    let scene = Scene::new(connector(GOOGLE), &pem(RSA), &others).await;
    let tokens = scene.begin(&["drive", "mail"]).await.unwrap();

    let asked: Seen = scene.provider.only();
    assert_eq!(
        (asked.method.as_str(), asked.url.as_str()),
        ("POST", "https://login.example.com/token")
    );
    let form = asked.form();
    assert_eq!(form.keys().collect::<Vec<_>>(), ["assertion", "grant_type"]);
    assert_eq!(form["grant_type"], GRANT);
    let (header, claims) = by_rsa(&form["assertion"]);
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let id = claims["jti"].as_str().unwrap();
    assert_eq!(id.len(), 43);
    let wanted = json!({
        "iss": "robot@x.example", "sub": "ana@x.example", "aud": "https://login.example.com/token",
        "iat": NOW.secs(), "exp": NOW.secs() + 3600, "jti": id, "scope": "drive mail",
    });
    assert_eq!(claims, wanted);

    assert_eq!(exposed(Some(&tokens.access)), Some("fresh"));
    assert_eq!(tokens.scopes, Some(strings(&["drive", "mail"])));
    assert_eq!(tokens.refresh_expires_at, None);
    let kept = exposed(tokens.refresh.as_ref()).unwrap();
    assert!(kept.contains("BEGIN PRIVATE KEY") && !kept.contains("not-used"));
    assert!(!format!("{tokens:?}").contains("PRIVATE KEY"));
}

#[tokio::test]
async fn what_was_left_out_is_not_said() {
    let scene = Scene::new(connector(GOOGLE), &pem(RSA), &[]).await;
    scene.begin(&["*"]).await.unwrap();
    let (header, claims) = by_rsa(&scene.provider.only().form()["assertion"]);
    assert_eq!(header.get("kid"), None);
    assert_eq!((claims.get("sub"), claims.get("scope")), (None, None));
}

#[tokio::test]
async fn an_elliptic_key_signs_for_another_audience_with_claims_of_the_providers_own() {
    let assertion = r#"
        algorithm = "ES256"
        audience = "https://x.example/{email}"
        claims = { box_sub_type = "enterprise", team = "t-{email}", user = "{user}" }
    "#;
    let der = ec();
    let scene = Scene::new(connector(assertion), &pem(&BASE64_STANDARD.encode(&der)), &[]).await;
    scene.begin(&["drive", "mail"]).await.unwrap();
    let form = scene.provider.only().form();
    let (header, claims, text, signature) = read(&form["assertion"]);
    let key =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &SystemRandom::new());
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.unwrap().public_key().as_ref())
        .verify(text.as_bytes(), &signature)
        .unwrap();
    assert_eq!(header["alg"], "ES256");
    assert_eq!(claims["aud"], "https://x.example/robot@x.example");
    assert_eq!(claims["exp"], NOW.secs() + 300);
    assert_eq!(
        (&claims["box_sub_type"], &claims["team"]),
        (&json!("enterprise"), &json!("t-robot@x.example"))
    );
    assert_eq!(claims.get("user"), None);
    assert_eq!(form["scope"], "drive mail", "without a claim of theirs scopes are a parameter");
}

#[tokio::test]
async fn a_renewal_signs_anew_for_what_was_asked_at_first_or_for_less() {
    let scene = Scene::new(connector(GOOGLE), &pem(RSA), &[("user", "ana@x.example")]).await;
    let mut tokens = scene.begin(&["drive", "mail"]).await.unwrap();
    let first = by_rsa(&scene.provider.only().form()["assertion"]).1;
    // The provider may say that it gave less: the next question is the same.
    tokens.scopes = Some(strings(&["drive"]));
    scene.clock.advance(Duration::from_secs(3500));

    let form = scene.again(&tokens, None);
    assert_eq!(form["grant_type"], GRANT);
    assert!(!form.contains_key("refresh_token") && !form.contains_key("client_id"));
    let claims = by_rsa(&form["assertion"]).1;
    assert_eq!((&claims["scope"], &claims["sub"]), (&first["scope"], &first["sub"]));
    assert_eq!(claims["iat"], NOW.secs() + 3500);
    assert_eq!(claims["exp"], NOW.secs() + 7100);

    let narrow = by_rsa(&scene.again(&tokens, Some(&["mail"]))["assertion"]).1;
    assert_eq!(narrow["scope"], "mail");

    let answer = r#"{"access_token":"newer","refresh_token":"not-used","expires_in":60}"#;
    let answer = reply(200, "application/json", answer);
    let fresh = oauth::refresh::read(&scene.connector, NOW, &tokens, &answer).unwrap();
    assert_eq!(exposed(Some(&fresh.access)), Some("newer"));
    assert_eq!(exposed(fresh.refresh.as_ref()), exposed(tokens.refresh.as_ref()));
}

/// As Box wants it: the client proves itself besides.
#[tokio::test]
async fn other_secrets_go_with_the_assertion_and_the_key_does_not() {
    let box_like = of_kind(
        "jwt_bearer",
        r#"
        urls.token = "https://login.example.com/token"
        refresh.class = "static"
        authorize.scopes_on_app = true
        session.params = { client_id = "{id}", client_secret = "{secret}" }
        assertion = { algorithm = "RS256", key = "private_key", issuer = "{id}" }
        inputs = [
            { name = "id", label = "Client ID", required = true },
            { name = "secret", label = "Client secret", secret = true, required = true },
            { name = "private_key", label = "Key", kind = "private_key", secret = true, required = true },
        ]
        "#,
    );
    let mut scene = Scene::new(connector(GOOGLE), &pem(RSA), &[]).await;
    scene.connector = box_like;
    scene.answers = [("id", "c1"), ("secret", "s&1"), ("private_key", &pem(RSA))]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    scene.begin(&["drive"]).await.unwrap();
    let asked = scene.provider.only();
    let form = asked.form();
    assert_eq!(
        form.keys().collect::<Vec<_>>(),
        ["assertion", "client_id", "client_secret", "grant_type"]
    );
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("c1", "s&1"));
    assert_eq!(by_rsa(&form["assertion"]).1["iss"], "c1");
    assert!(!asked.body.contains("PRIVATE"));
}

#[tokio::test]
async fn a_key_is_read_as_a_file_a_form_or_a_json_file_has_it() {
    let file = pem(RSA);
    let form = file.replace('\n', "");
    let json = file.trim_end().replace('\n', "\\n") + "\\n";
    for key in [file, form, json] {
        let scene = Scene::new(connector(GOOGLE), &key, &[]).await;
        scene.begin(&["drive"]).await.unwrap();
        by_rsa(&scene.provider.only().form()["assertion"]);
    }
}

#[tokio::test]
async fn a_wrong_key_sends_nothing_and_is_not_repeated() {
    let elliptic = pem(&BASE64_STANDARD.encode(ec()));
    for wrong in ["s3cret", &elliptic, &pem(RSA).replacen('M', "AAAA", 1)] {
        let scene = Scene::new(connector(GOOGLE), wrong, &[]).await;
        let error = scene.begin(&["drive"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "no client is to blame");
        let text = error.to_string();
        assert!(text.contains("`private_key` must be an RSA private key"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("AAAA"), "{text}");
        assert_eq!(scene.provider.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_refused_assertion_ends_the_grant_and_a_fault_does_not() {
    let scene = Scene::new(connector(GOOGLE), &pem(RSA), &[]).await;
    let tokens = scene.begin(&["drive"]).await.unwrap();
    for (status, body, kind) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
            ErrorKind::Reauthorize,
        ),
        (503, "{}", ErrorKind::Unavailable),
    ] {
        let answer = reply(status, "application/json", body);
        let error = oauth::refresh::read(&scene.connector, NOW, &tokens, &answer).unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
    }
}

#[tokio::test]
async fn a_request_that_is_shown_is_signed_by_nobody() {
    let scene = Scene::new(connector(GOOGLE), "", &[]).await;
    let filled_in = [("email", "robot@x.example"), ("private_key", "PRIVATE_KEY")].into();
    let (manifest, proof) = (scene.connector.manifest(), Proof::Shown("ASSERTION"));
    let shown =
        jwt_bearer::request(manifest, &scene.endpoints, &proof, &filled_in, &strings(&["a"]));
    let form = crate::support::fields(shown.unwrap().body());
    assert_eq!(form["assertion"], "ASSERTION");
    let none = jwt_bearer::request(manifest, &scene.endpoints, &Proof::None, &filled_in, &[]);
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Invalid);
}
