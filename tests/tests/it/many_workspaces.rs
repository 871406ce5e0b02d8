//! One client of the platform, fifty workspaces, set up by `PUT`s alone.

use serde_json::{Value, json};

use crate::harness::{
    Browser, Database, Hub, Platform, Playground, Workspace,
    browser::query,
    http::{code, find},
    hub::Settings,
    platform::RETURN_URL,
};

const WORKSPACES: usize = 50;
const SCOPE: &str = "crm.contacts.read";

struct Tenant {
    workspace: Workspace,
    connection: String,
    session: String,
    token: String,
}

on_both_databases!(no_workspace_can_use_what_is_anothers);
async fn no_workspace_can_use_what_is_anothers(database: Database) {
    let settings = Settings::new();
    let hub = Hub::start(&settings, &database, None).await;
    let acme = Playground::start().await;
    let platform = Platform::of(&hub, &settings.platform_key);
    let client = json!({
        "provider": "acme",
        "client_id": "acme-demo",
        "client_secret": "acme-demo-secret",
        "scopes": [SCOPE],
    });
    platform.put("/v1/clients/acme-shared", &client).await;

    let mut tenants = Vec::new();
    for number in 0..WORKSPACES {
        let workspace = set_up(&platform, &acme, number).await;
        tenants.push(link(workspace, number).await);
    }

    for (number, tenant) in tenants.iter().enumerate() {
        // Its own works: the positive control.
        let email = acme.account_of(&tenant.token).await;
        assert!(email.starts_with(person_at_acme(number)), "{email}");
        let other = &tenants[(number + 1) % WORKSPACES];
        assert_closed(tenant, number, other).await;
    }
    for tenant in &tenants {
        let own = tenant.workspace.list("/v1/connections").await;
        assert_eq!(own.len(), 1, "{own:?}");
        assert_eq!(own[0]["id"], tenant.connection);
    }
    agent_keys_open_their_own_workspace_only(&tenants[0], &tenants[1]).await;
}

/// Acme has these accounts.
fn person_at_acme(number: usize) -> &'static str {
    ["ana", "ben"][number % 2]
}

async fn set_up(platform: &Platform, acme: &Playground, number: usize) -> Workspace {
    let workspace = platform.workspace(&format!("team-{number}")).await;
    let integration = json!({
        "provider": "acme",
        "client": "acme-shared",
        "scopes": [SCOPE],
        "settings": { "port": acme.port() },
    });
    workspace.put("/v1/integrations/crm", &integration).await;
    workspace.put_agent("assistant").await;
    workspace.put_policy("read", "assistant", "crm", &[SCOPE]).await;
    workspace
}

fn question(number: usize) -> Value {
    json!({ "integration": "crm", "end_user": { "id": format!("user-{number}") } })
}

async fn link(workspace: Workspace, number: usize) -> Tenant {
    let person = format!("user-{number}");
    let session = workspace.connect_session("crm", &person).await;
    let mut browser = Browser::of(person_at_acme(number));
    let back = browser.link(session["url"].as_str().unwrap(), RETURN_URL).await;
    let id = session["id"].as_str().unwrap().to_owned();
    let done = workspace.complete(&id, &query(&back, "code"), &person).await.ok();
    let connection = find(&done, "con_").unwrap_or_else(|| panic!("no connection: {done}"));
    let answer = workspace.ask_as("assistant", &question(number)).await.ok();
    assert_eq!(answer["status"], "issued", "{answer}");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    Tenant { workspace, connection, session: id, token }
}

/// Whatever of `other` it names, `tenant` finds nothing, as if it were not there.
async fn assert_closed(tenant: &Tenant, number: usize, other: &Tenant) {
    let workspace = &tenant.workspace;
    let paths = [
        format!("/v1/connections/{}", other.connection),
        format!("/v1/connect-sessions/{}", other.session),
    ];
    for path in paths {
        let problem = workspace.request("GET", &path).send().await.problem(404);
        assert_eq!(code(&problem), "not_found", "{problem}");
    }
    let ended =
        workspace.request("DELETE", &format!("/v1/connections/{}", other.connection)).send().await;
    ended.problem(404);
    // By the connection's id, and by the id of the other's person.
    let named =
        json!({ "connection": other.connection, "end_user": { "id": format!("user-{number}") } });
    let reply = workspace.ask_as("assistant", &named).await;
    assert!(!(200..300).contains(&reply.status), "{}", reply.text());
    let strange = question((number + 1) % WORKSPACES);
    let answer = workspace.ask_as("assistant", &strange).await.ok();
    assert_eq!(answer["status"], "connect_required", "{answer}");
}

async fn agent_keys_open_their_own_workspace_only(one: &Tenant, other: &Tenant) {
    let agent = one.workspace.agent("assistant").await;
    agent.token("crm", "user-0").await;
    // Its key beside the other's name.
    let reply = agent.ask_in(other.workspace.slug(), &question(1)).await;
    assert!(matches!(reply.status, 401 | 403 | 404), "{}: {}", reply.status, reply.text());
}
