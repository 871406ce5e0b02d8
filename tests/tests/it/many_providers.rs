//! The list of apps that can be linked: hundreds, in parts, and found by a word.

use serde_json::{Value, json};

use crate::harness::{Database, Hub, Platform, hub::Settings};

fn slugs(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["slug"].as_str().unwrap()).collect()
}

on_both_databases!(an_app_is_found_among_hundreds_by_word_and_category);
async fn an_app_is_found_among_hundreds_by_word_and_category(database: Database) {
    let settings = Settings::new();
    let hub = Hub::start(&settings, &database, None).await;
    let workspace = Platform::of(&hub, &settings.platform_key).workspace("chatty").await;
    let manifest = "slug = \"my-own-crm\"\ndisplay_name = \"Zoho of my own\"\ncategory = \"crm\"\n\
                    auth.kind = \"oauth2_code\"\nissuer = \"https://crm.example\"\n";
    workspace.post("/v1/providers", &json!({ "manifest": manifest })).await;

    // In parts, each app once, by slug; the workspace's own among them.
    let all = workspace.list("/v1/providers").await;
    let names = slugs(&all);
    assert!(names.len() >= 600, "{}", names.len());
    assert!(names.is_sorted_by(|a, b| a < b), "each once, by slug");
    for name in ["acme", "my-own-crm", "hubspot", "airtable", "zoho-books"] {
        assert!(names.contains(&name), "{name}");
    }

    // By a part of the name, however it is written, and by category; and both in parts.
    let found = workspace.get("/v1/providers?q=ZoHo&limit=200").await;
    let found = found["items"].as_array().unwrap();
    let by_hand = all.iter().filter(|item| {
        item["display_name"].as_str().unwrap().to_lowercase().contains("zoho")
            || item["slug"].as_str().unwrap().contains("zoho")
    });
    assert_eq!(slugs(found), slugs(&by_hand.cloned().collect::<Vec<_>>()));
    assert!(found.len() > 5, "{}", found.len());

    let crm = workspace.get("/v1/providers?q=zoho&category=crm&limit=1").await;
    assert_eq!(crm["items"][0]["slug"], "my-own-crm");
    let cursor = crm["next_cursor"].as_str().unwrap();
    let next = format!("/v1/providers?q=zoho&category=crm&limit=200&cursor={cursor}");
    let next = workspace.get(&next).await;
    let next = next["items"].as_array().unwrap();
    assert!(!next.is_empty() && next.iter().all(|item| item["category"] == "crm"), "{next:?}");
    assert!(!slugs(next).contains(&"my-own-crm"), "nothing comes twice");

    let none = workspace.get("/v1/providers?q=no-such-app-anywhere").await;
    assert_eq!((&none["items"], &none["next_cursor"]), (&json!([]), &Value::Null));
}

on_both_databases!(an_app_of_the_catalogue_says_what_it_needs);
async fn an_app_of_the_catalogue_says_what_it_needs(database: Database) {
    let settings = Settings::new();
    let hub = Hub::start(&settings, &database, None).await;
    let workspace = Platform::of(&hub, &settings.platform_key).workspace("chatty").await;
    let app = workspace.get("/v1/providers/chargebee").await;
    assert_eq!((&app["auth"], &app["category"]), (&json!("basic"), &json!("commerce")));
    let inputs = app["inputs"].as_array().unwrap();
    let site = inputs.iter().find(|input| input["name"] == "site").unwrap();
    assert!(site["pattern"].as_str().unwrap().starts_with('^') && site["required"] == true);
    let key = inputs.iter().find(|input| input["secret"] == true).unwrap();
    assert_eq!(key["label"], "API key");
}

on_both_databases!(a_provider_of_ones_own_is_tried_then_added_and_its_mistakes_are_told);
async fn a_provider_of_ones_own_is_tried_then_added_and_its_mistakes_are_told(database: Database) {
    let settings = Settings::new();
    let hub = Hub::start(&settings, &database, None).await;
    let workspace = Platform::of(&hub, &settings.platform_key).workspace("chatty").await;
    let manifest = "slug = \"my-desk\"\ndisplay_name = \"My desk\"\ncategory = \"support\"\n\
                    auth.kind = \"oauth2_code\"\nurls.authorize = \"https://{site}.desk.example/authorize\"\n\
                    urls.token = \"https://{site}.desk.example/token\"\n\
                    [[inputs]]\nname = \"site\"\nlabel = \"Site\"\npattern = \"^[a-z]{2,20}$\"\nrequired = true\n";
    let send =
        async |body: Value| workspace.request("POST", "/v1/providers").json(&body).send().await;

    let tried = send(json!({
        "manifest": manifest, "dry_run": true, "settings": { "site": "ana" },
    }))
    .await;
    assert_eq!(tried.status, 200, "{}", tried.text());
    let tried = tried.json();
    assert_eq!(tried["provider"]["slug"], "my-desk");
    let steps = tried["requests"].as_array().unwrap();
    let token = steps.iter().find(|step| step["step"] == "token").unwrap();
    assert_eq!(token["request"]["url"], "https://ana.desk.example/token");
    assert_eq!(token["request"]["body"]["client_secret"], "CLIENT_SECRET");
    assert_eq!(workspace.request("GET", "/v1/providers/my-desk").send().await.status, 404);

    for (body, code) in [
        (
            json!({ "manifest": manifest, "dry_run": true, "settings": { "site": "evil.example/" } }),
            "input_invalid",
        ),
        (json!({ "manifest": manifest, "dry_run": true }), "input_invalid"),
        (json!({ "manifest": manifest, "settings": { "site": "ana" } }), "settings_unused"),
        (json!({ "manifest": "slug = 1", "dry_run": true }), "manifest_invalid"),
    ] {
        let refused = send(body).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (422, &json!(code)),
            "{}",
            refused.text()
        );
    }
    workspace.post("/v1/providers", &json!({ "manifest": manifest })).await;
    assert_eq!(workspace.get("/v1/providers/my-desk").await["version"], 1);

    // A new version, whose token URL ends.
    let ends = "urls.token = { url = \"https://{site}.desk.example/token\", \
                valid_until = \"2099-12-31\", successor = \"https://{site}.desk.example/v2\" }\n";
    let plain = "urls.token = \"https://{site}.desk.example/token\"\n";
    assert!(manifest.contains(plain));
    let second = manifest.replace(plain, ends);
    workspace.post("/v1/providers", &json!({ "manifest": second })).await;
    let found = workspace.get("/v1/providers/my-desk").await;
    assert_eq!(found["version"], 2);
    let change = &found["address_changes"][0];
    assert_eq!(
        (&change["address"], &change["valid_until"]),
        (&json!("token"), &json!("2099-12-31"))
    );
}
