//! A provider that differs from Mailo in what a test is about.

use hub::{client, connection::Connection, integration::ClientChoice, session::NewSession};

use super::{
    manifests::MAILO,
    scene::{Scene, Tenant, new_client, new_session},
};

/// A scene with it, and a workspace that has a client and an integration for it; `more` are sections of its
/// manifest, `urls` are lines of that section.
pub(crate) async fn scene(urls: &str, more: &str) -> (Scene, Tenant) {
    let manifest = MAILO
        .replace("\"mailo\"", "\"other\"")
        .replace("[authorize]", &format!("{urls}\n[authorize]"));
    with(&format!("{manifest}\n{more}\n")).await
}

/// The same with a manifest of one's own, whose slug is `other`.
pub(crate) async fn with(manifest: &str) -> (Scene, Tenant) {
    let scene = Scene::with(&[manifest]).await;
    let chat = scene.tenant("chat").await;
    let (owner, new) = (client::Owner::Workspace(&chat.id), new_client("other", &[]));
    client::put(&scene.store, &scene.registry, owner, "other-app", new).await.unwrap();
    let choice = ClientChoice::Named("other-app".to_owned());
    scene.integration(&chat.id, "other", "other", choice, &["mail.read"]).await.unwrap();
    (scene, chat)
}

/// Links this user's account there.
pub(crate) async fn link(scene: &Scene, chat: &Tenant, user: &str) -> Connection {
    scene.link_by(chat, session(user), &format!("{user}-mail")).await
}

/// A session to link it.
pub(crate) fn session(user: &str) -> NewSession {
    NewSession { integrations: vec!["other".to_owned()], ..new_session(user) }
}
