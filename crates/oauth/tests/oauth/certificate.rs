//! Clients that show a certificate in TLS (RFC 8705).

use base::ExposeSecret;
use bytes::Bytes;
use connector::{Connector, Declarative};
use http::Request;
use oauth::{Client, Endpoints, narrow, refresh, revoke_request, take_apart};
use outbound::{ClientCertificate, Outbound};
use rcgen::generate_simple_self_signed;

use crate::support::{NOW, client, connector, endpoints, fields, json, strings, tokens};

fn pem() -> String {
    let made = generate_simple_self_signed(["client.example".to_owned()]).unwrap();
    made.cert.pem() + &made.signing_key.serialize_pem()
}

fn with(auth: &str) -> Declarative {
    connector(&format!("[client]\nauth = '{auth}'\ncertificate = true"))
}

/// The client that a secret makes at this provider.
fn of(connector: &Declarative, secret: &str) -> Client {
    let (client_secret, certificate) = take_apart(connector.manifest(), &secret.into()).unwrap();
    Client { client_secret, certificate: Some(certificate), ..client() }
}

fn refreshed(connector: &Declarative, endpoints: &Endpoints, client: &Client) -> Request<Bytes> {
    refresh::request(connector, endpoints, client, &tokens(), None).unwrap()
}

#[tokio::test]
async fn by_a_certificate_alone_the_id_is_sent_and_no_secret() {
    let connector = with("mtls");
    let endpoints = endpoints(&connector).await;
    let request = refreshed(&connector, &endpoints, &of(&connector, &pem()));
    assert!(ClientCertificate::of(&request).is_some());
    let form = fields(request.body());
    assert_eq!(form["client_id"], "id:1");
    assert!(
        !form.contains_key("client_secret") && !request.headers().contains_key("authorization")
    );
}

#[tokio::test]
async fn a_secret_besides_is_sent_as_always() {
    for (auth, in_body) in [("post", true), ("basic", false)] {
        let connector = with(auth);
        let endpoints = endpoints(&connector).await;
        let client = of(&connector, &format!("s3cret\n{}", pem()));
        let request = refreshed(&connector, &endpoints, &client);
        assert!(ClientCertificate::of(&request).is_some());
        let form = fields(request.body());
        assert_eq!(form.get("client_secret").map(String::as_str), in_body.then_some("s3cret"));
        assert_eq!(request.headers().contains_key("authorization"), !in_body);
        let revoked = revoke_request(connector.manifest(), &endpoints, &client, &tokens());
        assert!(ClientCertificate::of(&revoked.unwrap().unwrap()).is_some(), "to end a grant too");
    }
}

#[tokio::test]
async fn a_narrower_token_is_asked_for_with_the_certificate() {
    let connector = connector(
        "[client]\nauth = 'mtls'\ncertificate = true\n[refresh]\nclass = 'static'\naccepts_scope = true",
    );
    let endpoints = endpoints(&connector).await;
    let outbound = Outbound::in_process(|request: Request<Bytes>| async move {
        assert!(ClientCertificate::of(&request).is_some());
        json(200, r#"{"access_token":"narrow"}"#)
    });
    let client = of(&connector, &pem());
    let (whole, scopes) = (tokens(), strings(&["a"]));
    narrow(&outbound, NOW, &connector, &endpoints, &client, &whole, &scopes).await.unwrap();
}

#[test]
fn a_clients_secret_is_taken_apart_as_its_provider_wants_it() {
    let (alone, besides) = (with("mtls"), with("post"));
    let apart = |of: &Declarative, text: &str| take_apart(of.manifest(), &text.into());
    let pem = pem();
    let (sent, _) = apart(&besides, &format!("  s3cret \r\n{pem}")).unwrap();
    assert_eq!(sent.unwrap().expose_secret(), "s3cret");
    assert!(apart(&alone, &pem).unwrap().0.is_none());
    for (of, text, says) in [
        (&alone, format!("s3cret\n{pem}"), "something stands before it"),
        (&besides, pem.clone(), "does not stand on a line before it"),
        (&besides, format!("s3cret\nmore\n{pem}"), "more than one line"),
        (&besides, "s3cret".to_owned(), "no certificate"),
        (&alone, pem.replace("PRIVATE KEY", "SOMETHING"), "no private key"),
    ] {
        let error = apart(of, &text).expect_err("refused");
        assert!(error.contains(says) && !error.contains("s3cret"), "{error}");
    }
}
