//! The consent page, and where it leads.

use axum::http::{StatusCode, header};

use crate::acme::{ALL, Acme, CALLBACK, CHALLENGE, VERIFIER, authorize, posted};

#[tokio::test]
async fn a_yes_leads_back_with_code_state_and_issuer() {
    let acme = Acme::start();
    let page = acme.ask("acme-demo", ALL).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    assert!(page.text().contains("Reply to support tickets"));
    let answer = acme.decide(&page.hidden(), ALL, "allow").await;
    assert!(answer.header(header::LOCATION).starts_with(&format!("{CALLBACK}?code=")));
    assert_eq!(answer.sent_back("state").as_deref(), Some("st&te 1"));
    assert_eq!(answer.sent_back("iss").as_deref(), Some("http://localhost:8090"));
}

#[tokio::test]
async fn a_no_leads_back_with_access_denied() {
    let acme = Acme::start();
    let page = acme.ask("acme-demo", ALL).await;
    let answer = acme.decide(&page.hidden(), ALL, "deny").await;
    assert_eq!(answer.sent_back("error").as_deref(), Some("access_denied"));
    assert_eq!(answer.sent_back("state").as_deref(), Some("st&te 1"));
    assert!(answer.sent_back("iss").is_some() && answer.sent_back("code").is_none());
}

#[tokio::test]
async fn a_person_may_grant_less_than_asked_but_not_more() {
    let acme = Acme::start();
    let page = acme.ask("acme-demo", "crm.contacts.read calendar.events.read").await;
    let answer = acme.decide(&page.hidden(), "calendar.events.read", "allow").await;
    let code = answer.sent_back("code").unwrap();
    let tokens = acme.exchange("acme-demo", &code, VERIFIER).await;
    assert_eq!(tokens.field("scope"), "calendar.events.read");

    let page = acme.ask("acme-demo", "crm.contacts.read").await;
    let answer = acme.decide(&page.hidden(), "crm.contacts.write", "allow").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_yes_to_nothing_is_asked_again() {
    let acme = Acme::start();
    let page = acme.ask("acme-demo", ALL).await;
    let again = acme.decide(&page.hidden(), "", "allow").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text().contains("role=\"alert\""));
    let answer = acme.decide(&again.hidden(), ALL, "allow").await;
    assert!(answer.sent_back("code").is_some());
}

#[tokio::test]
async fn a_form_is_answered_once() {
    let acme = Acme::start();
    let page = acme.ask("acme-demo", ALL).await;
    acme.decide(&page.hidden(), ALL, "allow").await;
    let twice = acme.decide(&page.hidden(), ALL, "allow").await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    let guessed = acme.decide("acme_ask_guess", ALL, "allow").await;
    assert_eq!(guessed.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_and_the_page_stays_good() {
    let acme = Acme::start();
    let page = acme.ask("acme-demo", ALL).await;
    let hidden = page.hidden();
    let form = [
        ("request", hidden.as_str()),
        ("account", "ana@acme.example"),
        ("scope", "crm.contacts.read"),
        ("decision", "allow"),
    ];
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let mut request = posted("/oauth/authorize", &form);
        request.headers_mut().insert(header::HOST, "localhost:8090".parse().unwrap());
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(acme.send(request).await.status, StatusCode::FORBIDDEN, "{name}");
    }
    let mut request = posted("/oauth/authorize", &form);
    request.headers_mut().insert(header::HOST, "localhost:8090".parse().unwrap());
    request.headers_mut().insert(header::ORIGIN, "http://localhost:8090".parse().unwrap());
    assert!(acme.send(request).await.sent_back("code").is_some());
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let acme = Acme::start();
    for address in [
        "https://evil.example/oauth/callback/x",
        "http://localhost.evil.example/oauth/callback/x",
        "http://localhost@evil.example/oauth/callback/x",
        "http://localhost:8080/oauth/callback/../../evil",
        "",
    ] {
        // Whatever else is wrong, too.
        for scope in [ALL, "no.such.scope"] {
            let link = authorize(&[("redirect_uri", address), ("scope", scope)]);
            let answer = acme.get(&link).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
            assert!(answer.headers.get(header::LOCATION).is_none());
        }
    }
    let twice = format!("{}&redirect_uri=https://evil.example/", authorize(&[]));
    assert_eq!(acme.get(&twice).await.status, StatusCode::BAD_REQUEST);
    let stranger = acme.get(&authorize(&[("client_id", "stranger")])).await;
    assert_eq!(stranger.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_mistakes_are_told_to_the_client() {
    let acme = Acme::start();
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "crm.contacts.read no.such.scope", "invalid_scope"),
        ("scope", "", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "too-short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
    ] {
        let answer = acme.get(&authorize(&[(name, value)])).await;
        assert_eq!(answer.sent_back("error").as_deref(), Some(error), "{name}={value}");
        assert_eq!(answer.sent_back("state").as_deref(), Some("st&te 1"));
        assert!(answer.header(header::LOCATION).starts_with(CALLBACK));
    }
}

#[tokio::test]
async fn what_a_client_sends_is_escaped_on_the_page() {
    let acme = Acme::start();
    let place = "http://localhost/oauth/callback/<script>alert(1)</script>";
    let page = acme.get(&authorize(&[("redirect_uri", place)])).await;
    assert!(!page.text().contains("<script"));
}

#[tokio::test]
async fn a_pushed_request_is_good_for_its_client_until_it_ends() {
    let acme = Acme::start();
    let form = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "crm.contacts.read"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let pushed = acme.as_client("acme-demo", "/oauth/par", &form).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let uri = pushed.field("request_uri");
    let link = |client: &str| format!("/oauth/authorize?client_id={client}&request_uri={uri}");

    let page = acme.get(&link("acme-demo")).await;
    let answer = acme.decide(&page.hidden(), "crm.contacts.read", "allow").await;
    assert!(answer.sent_back("code").is_some());
    assert_eq!(acme.get(&link("acme-strict")).await.status, StatusCode::BAD_REQUEST);
    acme.wait(61);
    assert_eq!(acme.get(&link("acme-demo")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_bad_request_is_not_kept_when_it_is_pushed() {
    let acme = Acme::start();
    let pushed = acme.as_client("acme-demo", "/oauth/par", &[("redirect_uri", CALLBACK)]).await;
    assert_eq!(
        (pushed.status, pushed.error()),
        (StatusCode::BAD_REQUEST, "invalid_request".into())
    );
    let pushed = acme.post("/oauth/par", &[("client_id", "acme-demo")]).await;
    assert_eq!(pushed.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_metadata_names_every_endpoint() {
    let acme = Acme::start();
    let metadata = acme.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["issuer"], "http://localhost:8090");
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    for name in ["token", "revocation", "introspection", "pushed_authorization_request"] {
        let endpoint = metadata[format!("{name}_endpoint")].as_str().unwrap();
        let path = endpoint.strip_prefix("http://localhost:8090").unwrap();
        // It is there, and knows nobody.
        let answer = acme.post(path, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn pages_carry_a_policy_and_no_script() {
    let acme = Acme::start();
    for path in ["/", &authorize(&[]), "/nowhere"] {
        let page = acme.get(path).await;
        assert!(page.header(header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        assert!(!page.text().contains("<script") && !page.text().contains("style="), "{path}");
    }
    assert_eq!(acme.get("/assets/acme.css").await.status, StatusCode::OK);
}
