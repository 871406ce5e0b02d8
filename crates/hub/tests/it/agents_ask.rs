//! What agents are answered: a decision, a connection, a token that is still good.

use std::time::Duration;

use hub::{
    Kind,
    agent::{self, NewAgent},
    connection::Status as ConnectionStatus,
    integration::ClientChoice,
    policy::{Form, OwnerKind, Rule},
    release::{ConnectReason, Target, TokenAsk},
    session::{self, Answer, FixableBy, NewSession, Status},
    workspace::api_key::{Owner, Role},
};

use super::scene::{
    READ, Scene, Tenant, WRITE, new_session, refused, rule, strings, token_of, whole,
};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn without_a_policy_nothing_is_handed_out_and_the_chain_says_so() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let ask = TokenAsk { reason: Some("look up the caller".to_owned()), ..whole("ana") };

    let error = refused(scene.ask(&chat, &ask).await);

    assert_eq!((error.kind, error.code), (Kind::Forbidden, "policy_denied"));
    let chain = scene.answers(&chat).await;
    assert_eq!(chain.len(), 1);
    assert_eq!(chain[0].kind, "denial");
    assert_eq!(chain[0].agent_id.as_ref(), Some(&chat.agent));
    // The agent's own words are personal: not to be read in the record.
    let body = String::from_utf8(chain[0].body.clone()).unwrap();
    assert!(body.contains("\"personal\""));
    assert!(!body.contains("look up the caller"));
}

#[tokio::test]
async fn a_scope_beyond_the_policy_is_denied_by_name() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "read", Rule { scopes: strings(&[READ]), ..rule(&chat) }).await;
    scene.link(&chat, "ana", "ana-work").await;
    let ask = TokenAsk { scopes: Some(strings(&[READ, WRITE])), ..whole("ana") };
    let error = refused(scene.ask(&chat, &ask).await);
    assert_eq!(error.code, "policy_denied");
    assert_eq!(error.extra["denied_scopes"], serde_json::json!([WRITE]));
    assert!(error.extra["policy"].as_str().unwrap().starts_with("pol_"));
}

#[tokio::test]
async fn a_release_names_who_got_what_for_whom() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    let issued = scene.issued(&chat, &whole("ana")).await;

    assert_eq!(token_of(&issued), "access.ana-work.1");
    assert_eq!(issued.scopes, [READ, WRITE]);
    let chain = scene.answers(&chat).await;
    assert_eq!(chain.len(), 1);
    assert_eq!(chain[0].kind, "release");
    assert_eq!(chain[0].id, issued.release);
    assert_eq!(chain[0].agent_id.as_ref(), Some(&chat.agent));
    assert_eq!(chain[0].connection_id.as_ref(), Some(&row.id));
    assert_eq!(chain[0].end_user_id, row.end_user_id);
    assert!(!String::from_utf8_lossy(&chain[0].body).contains("access.ana-work"));
}

#[tokio::test]
async fn what_the_person_did_not_grant_is_missing() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.acme.grants_only(&[READ]);
    let row = scene.link(&chat, "ana", "ana-work").await;

    let ask = TokenAsk { scopes: Some(strings(&[READ, WRITE])), ..whole("ana") };
    let required = scene.connect_required(&chat, &ask).await;
    assert_eq!(required.reason, ConnectReason::MissingScopes);
    assert_eq!(required.missing_scopes, [WRITE]);
    assert_eq!(required.fixable_by, FixableBy::EndUser);
    let made = scene.session_now(&chat, &required.session.unwrap().id).await;
    assert_eq!(made.connection_id, Some(row.id));

    // Who asks for all that is allowed takes what there is.
    assert_eq!(scene.issued(&chat, &whole("ana")).await.scopes, [READ]);
}

#[tokio::test]
async fn of_two_accounts_the_asker_chooses() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let work = scene.link(&chat, "ana", "ana-work").await;
    let home = scene.link(&chat, "ana", "ana-home").await;

    let Answer::SelectionRequired(choices) = scene.ask(&chat, &whole("ana")).await.unwrap() else {
        panic!("an account was chosen for the asker");
    };
    let found: Vec<_> =
        choices.iter().map(|one| (one.connection.as_str(), one.label.as_str())).collect();
    assert_eq!(
        found,
        [(work.id.as_str(), "ana-work@acme.example"), (home.id.as_str(), "ana-home@acme.example")]
    );
    let ask = TokenAsk { target: Target::Connection(home.id), ..whole("ana") };
    assert_eq!(token_of(&scene.issued(&chat, &ask).await), "access.ana-home.2");
}

#[tokio::test]
async fn another_persons_connection_is_as_absent_as_none() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let of_ana = scene.link(&chat, "ana", "ana-work").await;
    scene.link(&chat, "eve", "eve-work").await;
    let target = Target::Connection(of_ana.id);
    let by_eve = TokenAsk { target: target.clone(), ..whole("eve") };
    assert_eq!(refused(scene.ask(&chat, &by_eve).await).code, "not_found");
    let by_nobody = TokenAsk { target, end_user: None, ..whole("eve") };
    assert_eq!(refused(scene.ask(&chat, &by_nobody).await).code, "not_found");
}

#[tokio::test]
async fn another_workspaces_connection_is_as_absent_as_none() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let shop = scene.tenant_with_policy("shop").await;
    let of_chat = scene.link(&chat, "ana", "ana-work").await;
    let ask = TokenAsk { target: Target::Connection(of_chat.id), ..whole("ana") };
    assert_eq!(refused(scene.ask(&shop, &ask).await).code, "not_found");
    let required = scene.connect_required(&shop, &whole("ana")).await;
    assert_eq!(required.reason, ConnectReason::NotConnected);
}

#[tokio::test]
async fn a_shared_account_is_used_only_where_a_policy_says_so() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let shared = scene.link_shared(&chat, "team").await;

    let required = scene.connect_required(&chat, &whole("ana")).await;
    assert_eq!(required.reason, ConnectReason::NotConnected);
    let for_nobody = TokenAsk { end_user: None, ..whole("ana") };
    assert_eq!(refused(scene.ask(&chat, &for_nobody).await).code, "policy_denied");
    let named = TokenAsk { target: Target::Connection(shared.id.clone()), ..whole("ana") };
    assert_eq!(refused(scene.ask(&chat, &named).await).code, "policy_denied");

    let of_team = Rule { owners: vec![OwnerKind::Workspace], ..rule(&chat) };
    scene.allow(&chat, "shared", of_team).await;
    for ask in [whole("ana"), for_nobody, named] {
        assert_eq!(scene.issued(&chat, &ask).await.connection, shared.id);
    }
    // The end user's own comes first.
    let own = scene.link(&chat, "ana", "ana-work").await;
    assert_eq!(scene.issued(&chat, &whole("ana")).await.connection, own.id);
}

#[tokio::test]
async fn a_missing_shared_account_is_the_workspaces_to_link() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let of_team = Rule { owners: vec![OwnerKind::Workspace], ..rule(&chat) };
    scene.allow(&chat, "shared", of_team).await;
    let required =
        scene.connect_required(&chat, &TokenAsk { end_user: None, ..whole("ana") }).await;
    assert_eq!(required.fixable_by, FixableBy::Workspace);
    assert!(required.session.is_none());
}

#[tokio::test]
async fn an_agent_that_is_not_trusted_may_not_name_a_user() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let untrusted = NewAgent { name: "Support bot".to_owned(), trusted_backend: false };
    agent::put(&scene.store, &chat.id, "support-bot", untrusted).await.unwrap();
    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Forbidden, "end_user_not_vouched"));
}

#[tokio::test]
async fn tokens_are_for_agents_alone() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let sessions = scene.key(Owner::Platform(vec![Role::Sessions, Role::Provision])).await;
    let as_agent = scene.key(Owner::Platform(vec![Role::Agent])).await;
    for (key, named) in [
        (&chat.workspace_key, None),
        (&chat.workspace_key, Some("support-bot")),
        (&sessions, Some("support-bot")),
        (&as_agent, None),
    ] {
        let who = scene.principal(key, &chat).await;
        assert_eq!(refused(scene.ask_as(who, named, &whole("ana")).await).code, "not_an_agent");
    }
    let who = scene.principal(&as_agent, &chat).await;
    let answer = scene.ask_as(who, Some("support-bot"), &whole("ana")).await.unwrap();
    assert!(matches!(answer, Answer::Issued(_)));
}

#[tokio::test]
async fn the_same_open_ask_gives_the_same_session() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let session = async |scene: &Scene, chat: &Tenant, user: &str| {
        scene.connect_required(chat, &whole(user)).await.session.unwrap()
    };
    let first = session(&scene, &chat, "ana").await;
    let again = session(&scene, &chat, "ana").await;
    assert_eq!((&again.id, &again.url), (&first.id, &first.url));
    let of_ben = session(&scene, &chat, "ben").await;
    assert_ne!(of_ben.id, first.id);

    // With too little time left to go through it, there is a new one.
    scene.later(26 * MINUTE);
    let fresh = session(&scene, &chat, "ana").await;
    assert_ne!(fresh.id, first.id);
}

#[tokio::test]
async fn a_finished_link_that_waits_for_the_platform_is_told_apart() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let required = scene.connect_required(&chat, &whole("ana")).await;
    let id = required.session.unwrap().id;
    let made = session::Made {
        row: scene.session_now(&chat, &id).await,
        token: session::token_of(&scene.store, &id),
    };
    let code = scene.finish(&chat, &made, "ana-work").await;

    let required = scene.connect_required(&chat, &whole("ana")).await;
    assert_eq!(required.reason, ConnectReason::ConfirmationPending);
    assert_eq!(required.session.unwrap().id, id);

    let done = scene.complete(&chat, &made, &code, "ana").await.unwrap();
    assert_eq!(done.session.status, Status::Completed);
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
}

#[tokio::test]
async fn a_narrowed_token_is_narrower_and_tells_what_it_can_do() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let ask = TokenAsk { scopes: Some(strings(&[READ])), form: None, ..whole("ana") };
    let issued = scene.issued(&chat, &ask).await;
    assert_eq!(issued.form, Form::NarrowedToken);
    assert_eq!(issued.scopes, [READ]);
    assert_eq!(token_of(&issued), "narrow.ana-work.2");
    // The whole one tells the truth too.
    let ask = TokenAsk { scopes: Some(strings(&[READ])), ..whole("ana") };
    let issued = scene.issued(&chat, &ask).await;
    assert_eq!((issued.form, issued.scopes), (Form::WholeToken, strings(&[READ, WRITE])));
}

#[tokio::test]
async fn a_provider_that_does_not_narrow_as_asked_is_caught() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    scene.acme.does_not_narrow();
    let ask = TokenAsk { scopes: Some(strings(&[READ])), form: None, ..whole("ana") };
    let error = refused(scene.ask(&chat, &ask).await);
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "provider_did_not_narrow"));
    assert_eq!(scene.count(&chat, "release").await, 0);
}

#[tokio::test]
async fn a_connection_that_is_switched_off_is_no_reason_to_link_again() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    hub::connection::set_enabled(&scene.store, &chat.id, &row.id, false).await.unwrap();
    let ask = TokenAsk { target: Target::Connection(row.id.clone()), ..whole("ana") };
    assert_eq!(refused(scene.ask(&chat, &ask).await).code, "connection_disabled");
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "connection_disabled");
    // Nor does linking again undo what the workspace decided.
    let again = scene.link(&chat, "ana", "ana-work").await;
    assert_eq!((again.id.as_str(), again.status), (row.id.as_str(), ConnectionStatus::Disabled));
    assert_eq!(refused(scene.ask(&chat, &ask).await).code, "connection_disabled");

    hub::connection::set_enabled(&scene.store, &chat.id, &row.id, true).await.unwrap();
    scene.issued(&chat, &ask).await;
}

#[tokio::test]
async fn beside_one_that_is_switched_off_another_account_serves() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let work = scene.link(&chat, "ana", "ana-work").await;
    let home = scene.link(&chat, "ana", "ana-home").await;
    hub::connection::set_enabled(&scene.store, &chat.id, &work.id, false).await.unwrap();
    assert_eq!(scene.issued(&chat, &whole("ana")).await.connection, home.id);
}

#[tokio::test]
async fn a_provider_that_gives_no_narrower_tokens_is_not_called_unavailable() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let inline = ClientChoice::Inline {
        client_id: "mailo-1".to_owned(),
        client_secret: Some(super::provider::SECRET.into()),
    };
    let mailo = scene.integration(&chat.id, "mailo", "mailo", inline, &["mail.read"]).await;
    let only = Rule { integrations: vec![mailo.unwrap()], ..rule(&chat) };
    scene.allow(&chat, "mail", only).await;
    let new = NewSession { integrations: strings(&["mailo"]), ..new_session("ana") };
    scene.link_by(&chat, new, "ana-mail").await;

    let target = Target::Integration("mailo".to_owned());
    let ask = TokenAsk { target, form: Some(Form::NarrowedToken), ..whole("ana") };
    let error = refused(scene.ask(&chat, &ask).await);
    assert_eq!((error.kind, error.code), (Kind::Conflict, "cannot_narrow"));
    // Asked for no form, it gives what it can.
    let issued = scene.issued(&chat, &TokenAsk { form: None, ..ask }).await;
    assert_eq!(issued.form, Form::WholeToken);
}
