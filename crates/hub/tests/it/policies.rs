//! Policies as a workspace writes them.

use hub::{
    page::PageQuery,
    policy::{self, Form, OwnerKind, Policy, Rule},
};

use super::scene::{READ, Scene, Tenant, refused, rule, strings};

async fn put(scene: &Scene, tenant: &Tenant, slug: &str, rule: Rule) -> hub::Result<Policy> {
    policy::put(&scene.store, &tenant.id, slug, rule, true).await.map(|(saved, _)| saved)
}

async fn slugs(scene: &Scene, tenant: &Tenant) -> Vec<String> {
    let whole = PageQuery::new(None, Some(PageQuery::MOST)).unwrap();
    let all = policy::list(&scene.store, &tenant.id, &whole).await.unwrap();
    assert_eq!(all.next_cursor, None);
    all.items.into_iter().map(|row| row.slug).collect()
}

#[tokio::test]
async fn a_policy_is_written_in_slugs_and_kept_in_ids() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let in_slugs =
        Rule { agents: strings(&["support-bot"]), integrations: strings(&["acme"]), ..rule(&chat) };
    let saved = put(&scene, &chat, "all", in_slugs).await.unwrap();
    assert_eq!(saved.rule.0, rule(&chat));
    for by in [saved.id.as_str(), "all"] {
        assert_eq!(policy::get(&scene.store, &chat.id, by).await.unwrap(), saved);
    }
}

#[tokio::test]
async fn writing_it_again_changes_it_and_keeps_its_id() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let put = async |rule, enabled| {
        policy::put(&scene.store, &chat.id, "all", rule, enabled).await.unwrap()
    };
    let (first, is_new) = put(rule(&chat), true).await;
    assert!(is_new && first.enabled);
    let narrower = Rule { scopes: strings(&[READ]), ..rule(&chat) };
    let (second, is_new) = put(narrower.clone(), false).await;
    assert!(!is_new && !second.enabled);
    assert_eq!((&second.id, &second.rule.0), (&first.id, &narrower));
    assert_eq!(policy::active(&scene.store, &chat.id).await.unwrap(), []);
    let (third, _) = put(narrower.clone(), true).await;
    let active = policy::active(&scene.store, &chat.id).await.unwrap();
    assert_eq!(active, [(third.id, narrower)]);
}

#[tokio::test]
async fn a_policy_is_seen_and_removed_in_its_own_workspace_only() {
    let scene = Scene::new().await;
    let (chat, shop) = (scene.tenant("chat").await, scene.tenant("shop").await);
    let saved = put(&scene, &chat, "one", rule(&chat)).await.unwrap();
    put(&scene, &chat, "two", rule(&chat)).await.unwrap();
    put(&scene, &shop, "one", rule(&shop)).await.unwrap();
    assert_eq!(slugs(&scene, &chat).await, ["one", "two"]);
    for by in [saved.id.as_str(), "two"] {
        let error = refused(policy::get(&scene.store, &shop.id, by).await);
        assert_eq!(error.code, "not_found");
        let error = refused(policy::delete(&scene.store, &shop.id, by).await);
        assert_eq!(error.code, "not_found");
    }
    policy::delete(&scene.store, &chat.id, "one").await.unwrap();
    assert_eq!(slugs(&scene, &chat).await, ["two"]);
    assert_eq!(slugs(&scene, &shop).await, ["one"]);
}

#[tokio::test]
async fn a_policy_that_leaves_something_open_or_names_too_much_is_refused() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let many = |count: usize| vec![READ.to_owned(); count];
    let all = rule(&chat);
    let bad = [
        Rule { agents: vec![], ..all.clone() },
        Rule { integrations: vec![], ..all.clone() },
        Rule { scopes: vec![], ..all.clone() },
        Rule { owners: vec![], ..all.clone() },
        Rule { forms: vec![], ..all.clone() },
        Rule { scopes: many(101), ..all.clone() },
        Rule { actions: vec!["*".to_owned(); 101], ..all.clone() },
        Rule { forms: vec![Form::WholeToken; 101], ..all.clone() },
        Rule { owners: vec![OwnerKind::EndUser; 101], ..all.clone() },
    ];
    for rule in bad {
        let error = refused(put(&scene, &chat, "x", rule.clone()).await);
        assert_eq!(error.code, "policy_incomplete", "{rule:?}");
    }
    assert_eq!(slugs(&scene, &chat).await, [""; 0], "nothing was kept");
    let just = Rule { scopes: many(100), forms: vec![], actions: strings(&["*"]), ..all };
    put(&scene, &chat, "x", just).await.unwrap();
}

#[tokio::test]
async fn what_a_policy_names_must_be_there() {
    let scene = Scene::new().await;
    let (chat, shop) = (scene.tenant("chat").await, scene.tenant("shop").await);
    let all = rule(&chat);
    for (rule, code, says) in [
        (Rule { agents: strings(&["nobody"]), ..all.clone() }, "policy_names_unknown", "`nobody`"),
        (
            Rule { agents: vec![shop.agent.clone()], ..all.clone() },
            "policy_names_unknown",
            "the agent",
        ),
        (
            Rule { integrations: vec![shop.integration.clone()], ..all.clone() },
            "policy_names_unknown",
            "the integration",
        ),
        (Rule { scopes: strings(&[READ, "sky"]), ..all.clone() }, "scope_unknown", "`sky`"),
        (Rule { actions: strings(&["*", "sky.fall"]), ..all }, "action_unknown", "`sky.fall`"),
    ] {
        let error = refused(put(&scene, &chat, "x", rule).await);
        assert_eq!(error.code, code);
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = refused(put(&scene, &chat, "No slug", rule(&chat)).await);
    assert_eq!(error.kind, hub::Kind::Invalid);
    assert_eq!(slugs(&scene, &chat).await, [""; 0]);
}
