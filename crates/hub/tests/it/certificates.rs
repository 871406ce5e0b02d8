//! Clients that show a certificate in TLS.

use std::time::Duration;

use hub::{
    Kind, client,
    client::{NewClient, Owner},
    integration::ClientChoice,
};

use super::{
    manifests::MAILO,
    other,
    provider::SECRET,
    scene::{Scene, Tenant, new_client, refused},
};

fn pem() -> String {
    let made = rcgen::generate_simple_self_signed(["client.example".to_owned()]).unwrap();
    made.cert.pem() + &made.signing_key.serialize_pem()
}

/// A workspace, and a provider that wants a secret and a certificate.
async fn scene() -> (Scene, Tenant) {
    let manifest = MAILO.replace("\"mailo\"", "\"other\"");
    let scene = Scene::with(&[&format!("{manifest}\n[client]\ncertificate = true\n")]).await;
    let chat = scene.tenant("chat").await;
    (scene, chat)
}

async fn put(scene: &Scene, chat: &Tenant, secret: &str) -> hub::Result<(client::Client, bool)> {
    let new = NewClient { client_secret: Some(secret.into()), ..new_client("other", &[]) };
    let owner = Owner::Workspace(&chat.id);
    client::put(&scene.store, &scene.registry, owner, "other-app", new).await
}

#[tokio::test]
async fn the_certificate_is_shown_wherever_the_client_speaks_for_a_connection() {
    let (scene, chat) = scene().await;
    put(&scene, &chat, &format!("{SECRET}\n{}", pem())).await.unwrap();
    let choice = ClientChoice::Named("other-app".to_owned());
    scene.integration(&chat.id, "other", "other", choice, &["mail.read"]).await.unwrap();

    let row = other::link(&scene, &chat, "ana").await;
    assert_eq!(scene.acme.certified(), ["/oauth/token", "/api/v1/me"]);
    scene.later(Duration::from_hours(1));
    scene.refresher.ensure(&row).await.unwrap();
    assert_eq!(scene.acme.certified(), ["/oauth/token"]);
    assert_eq!(scene.acme.refreshed(), [SECRET], "and the secret alone is sent");
}

#[tokio::test]
async fn a_secret_without_what_its_provider_wants_is_refused_and_not_quoted() {
    let (scene, chat) = scene().await;
    for (secret, says) in [
        (SECRET.to_owned(), "no certificate"),
        (pem(), "does not stand on a line before it"),
        (format!("{SECRET}\n{}", pem().replace("PRIVATE", "OTHER")), "no private key"),
    ] {
        let error = refused(put(&scene, &chat, &secret).await);
        assert_eq!((error.kind, error.code), (Kind::Invalid, "client_secret_invalid"));
        assert!(error.detail.contains(says), "{}", error.detail);
        assert!(
            !error.detail.contains(SECRET) && !error.detail.contains("MII"),
            "{}",
            error.detail
        );
        let owner = Owner::Workspace(&chat.id);
        assert!(client::get(&scene.store, owner, "other-app").await.is_err());
    }
}
