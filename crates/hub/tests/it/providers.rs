//! A workspace's own providers, and addresses that end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use connector::{Declarative, Manifest, Sketch};
use hub::{
    integration,
    provider::{self, DryRun, Registry},
};

use super::scene::{Scene, refused};

const SHOP: &str = r#"
slug = "my-shop"
display_name = "My shop"
category = "commerce"

[auth]
kind = "oauth2_code"

[[inputs]]
name = "shop"
label = "Shop"
pattern = "^[a-z]{1,20}$"
required = true

[urls]
authorize = "https://{shop}.shop.example/authorize"
token = "https://{shop}.shop.example/token"
revoke = "https://{shop}.shop.example/revoke"

[client]
auth = "basic"

[authorize]
default_scopes = ["orders", "products"]
scope_separator = ","

[token.capture]
region = "region"

[api]
base = "https://{shop}.shop.example/api"

[api.credential]
in = "header"
name = "X-Shop-Token"
template = "{token}"

[identity]
url = "/me"
account_path = ["id"]
"#;

fn settings(shop: &str) -> BTreeMap<String, String> {
    [("shop".to_owned(), shop.to_owned())].into()
}

async fn dry(scene: &Scene, manifest: &str, shop: &str) -> hub::Result<DryRun> {
    provider::dry_run(&scene.store, &scene.registry, manifest, &settings(shop)).await
}

fn request<'a>(run: &'a DryRun, name: &str) -> &'a Sketch {
    let step = run.steps.iter().find(|step| step.name == name);
    step.unwrap_or_else(|| panic!("no step {name}")).request.as_ref().unwrap()
}

#[tokio::test]
async fn a_manifest_is_tried_before_it_is_used() {
    let scene = Scene::new().await;
    let run = dry(&scene, SHOP, "ana").await.unwrap();
    let names: Vec<_> = run.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["authorize", "token", "refresh", "revoke", "identify"]);

    let url: url::Url = request(&run, "authorize").url.parse().unwrap();
    assert_eq!(url.host_str(), Some("ana.shop.example"));
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["scope"], "orders,products");
    assert_eq!(query["client_id"], "CLIENT_ID");
    assert_eq!(query["redirect_uri"], "https://hub.example/oauth/callback/CLIENT");

    let token = request(&run, "token");
    assert_eq!(
        (token.method.as_str(), token.url.as_str()),
        ("POST", "https://ana.shop.example/token")
    );
    assert_eq!(token.headers["authorization"], "Basic base64(CLIENT_ID:CLIENT_SECRET)");
    assert_eq!(token.body["grant_type"], "authorization_code");
    assert_eq!(token.body["code"], "CODE");
    assert_eq!(request(&run, "refresh").body["refresh_token"], "REFRESH_TOKEN");
    assert_eq!(request(&run, "revoke").body["token"], "REFRESH_TOKEN");

    let whose = request(&run, "identify");
    assert_eq!(
        (whose.method.as_str(), whose.url.as_str()),
        ("GET", "https://ana.shop.example/api/me")
    );
    assert_eq!(whose.headers["x-shop-token"], "ACCESS_TOKEN");
    assert_eq!(scene.acme.asked(), [""; 0], "nothing was sent");
}

#[tokio::test]
async fn where_an_assertion_goes_is_shown_too() {
    let scene = Scene::new().await;
    let signing = "auth = \"private_key_jwt\"\nassertion = { algorithm = \"ES256\" }";
    let run = dry(&scene, &SHOP.replace("auth = \"basic\"", signing), "ana").await.unwrap();
    for step in ["token", "refresh", "revoke"] {
        let sent = request(&run, step);
        assert_eq!(sent.body["client_assertion"], "CLIENT_ASSERTION", "{step}");
        assert_eq!(sent.body["client_id"], "CLIENT_ID", "{step}");
        assert!(!format!("{sent:?}").contains("CLIENT_SECRET"), "{step}");
    }
}

#[tokio::test]
async fn where_a_key_goes_is_shown_too() {
    let scene = Scene::new().await;
    let manifest = "slug = \"keyed\"\ndisplay_name = \"Keyed\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
        api.base = \"https://api.keyed.example\"\napi.verify.path = \"/ping\"\n\
        [[inputs]]\nname = \"api_key\"\nlabel = \"Key\"\nsecret = true\nrequired = true\n\
        [api.credential]\nin = \"query\"\nname = \"key\"\ntemplate = \"{api_key}\"\n";
    let run =
        provider::dry_run(&scene.store, &scene.registry, manifest, &BTreeMap::new()).await.unwrap();
    assert_eq!(run.steps.len(), 1);
    assert_eq!(request(&run, "identify").url, "https://api.keyed.example/ping?key=API_KEY");
}

#[tokio::test]
async fn the_dance_of_oauth_1_is_shown_too() {
    let scene = Scene::new().await;
    let manifest = "slug = \"notes\"\ndisplay_name = \"Notes\"\ncategory = \"storage\"\nauth.kind = \"oauth1\"\n\
        urls.request_token = \"https://notes.example/r\"\nurls.authorize = \"https://notes.example/a\"\n\
        urls.token = \"https://notes.example/t\"\napi.base = \"https://notes.example/api\"\n\
        identity = { url = \"/me\", account_path = [\"id\"] }\n";
    let run =
        provider::dry_run(&scene.store, &scene.registry, manifest, &BTreeMap::new()).await.unwrap();
    let names: Vec<_> = run.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["request_token", "authorize", "token", "identify"]);
    let first = request(&run, "request_token");
    assert_eq!((first.method.as_str(), first.url.as_str()), ("POST", "https://notes.example/r"));
    assert!(first.headers["authorization"].contains("oauth_consumer_key=\"CLIENT_ID\""));
    let page = "https://notes.example/a?oauth_token=TEMPORARY_TOKEN";
    assert_eq!(request(&run, "authorize").url, page);
    assert!(
        request(&run, "token").headers["authorization"].contains("oauth_verifier=\"VERIFIER\"")
    );
    assert!(request(&run, "identify").headers["authorization"].starts_with("OAuth "));
    assert_eq!(scene.acme.asked(), [""; 0], "nothing was sent");
}

#[tokio::test]
async fn what_only_the_provider_tells_is_named_as_missing() {
    let scene = Scene::new().await;
    let manifest = SHOP.replace("base = \"https://{shop}", "base = \"https://{region}");
    let manifest = manifest
        .replace("region = \"region\"", "region = { from = \"region\", pattern = \"^[a-z]{2}$\" }");
    let run = dry(&scene, &manifest, "ana").await.unwrap();
    let last = run.steps.last().unwrap();
    let why = last.request.as_ref().unwrap_err();
    assert!(last.name == "identify" && why.contains("can't be told"), "{why}");
}

#[tokio::test]
async fn a_dry_run_keeps_nothing_and_refuses_what_a_real_one_refuses() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let before = scene.chain(&chat).await.len();
    dry(&scene, SHOP, "ana").await.unwrap();
    let all = provider::list(&scene.store, &scene.registry, &chat.id).await.unwrap();
    assert!(!all.iter().any(|found| found.connector.manifest().slug == "my-shop"));
    assert_eq!(scene.chain(&chat).await.len(), before);

    for (manifest, shop, code) in [
        (SHOP.replace("[identity]", "[identiti]"), "ana", "manifest_invalid"),
        (SHOP.replace("my-shop", "acme"), "ana", "provider_built_in"),
        (SHOP.to_owned(), "evil.example/", "input_invalid"),
        (SHOP.to_owned(), "", "input_invalid"),
    ] {
        assert_eq!(refused(dry(&scene, &manifest, shop).await).code, code, "{shop}");
    }
    let typo = refused(dry(&scene, &SHOP.replace("[identity]", "[identiti]"), "ana").await);
    assert!(typo.to_string().contains("line"), "{typo}");
}

/// A registry in which `acme` has a token URL that ends on this day.
fn registry(scene: &Scene, until: &str) -> Registry {
    let manifest = format!(
        "slug = \"acme\"\ndisplay_name = \"Acme\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
         urls.authorize = \"https://acme.example/authorize\"\n[urls.token]\n\
         url = \"https://acme.example/v1\"\nvalid_until = \"{until}\"\nsuccessor = \"https://acme.example/v2\"\n"
    );
    let connector = Declarative::new(Manifest::parse(&manifest).unwrap());
    Registry::new([Arc::new(connector) as _], scene.acme.outbound(), "https://hub.example")
}

#[tokio::test]
async fn an_address_that_ends_is_told_beforehand_once_a_day_and_changed_over_by_itself() {
    let scene = Scene::new().await;
    let ends = registry(&scene, "2027-02-16");
    let told = async || integration::warn_of_ends(&scene.store, &ends).await.unwrap();
    assert_eq!(told().await, 0, "nobody uses it");
    scene.tenant("chat").await;
    assert_eq!(told().await, 1, "90 days before");
    assert_eq!(told().await, 0, "told today already");
    scene.later(Duration::from_hours(24));
    assert_eq!(told().await, 1);

    let endpoint = async || {
        let connector = ends.get("acme").unwrap().clone();
        let inputs = connector.manifest().check_inputs(&BTreeMap::new()).unwrap();
        let fresh = registry(&scene, "2027-02-16");
        fresh.endpoints(connector.as_ref(), &inputs, scene.store.now()).await.unwrap().token
    };
    assert_eq!(endpoint().await.unwrap().path(), "/v1");
    scene.later(Duration::from_hours(24 * 100));
    assert_eq!(endpoint().await.unwrap().path(), "/v2");
    assert_eq!(told().await, 0, "it has ended");

    let far = registry(&scene, "2099-01-01");
    assert_eq!(integration::warn_of_ends(&scene.store, &far).await.unwrap(), 0);
}
