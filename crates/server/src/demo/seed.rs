//! Sets the demo workspace up, with nothing but the public API.

use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use super::{
    DemoError, PLATFORM, WORKSPACE,
    api::{Hub, text},
    note::Note,
};

/// What the demo's integration asks for.
const SCOPES: [&str; 3] = ["crm.contacts.read", "crm.contacts.write", "calendar.events.read"];

/// Makes the workspace with all that is in it, unless that was done. Whether it is new.
///
/// `platform` acts for the whole hub, `hub` in the demo workspace.
pub(super) async fn seed(data_dir: &Path, platform: &Hub, hub: &Hub) -> Result<bool, DemoError> {
    let there = platform.find(&format!("/v1/workspaces/{WORKSPACE}")).await?;
    let kept = Note::read(data_dir);
    if let (Some(workspace), Some(note)) = (there, kept)
        && workspace["id"] == *note.workspace
    {
        if note.hub != hub.url() {
            Note { hub: hub.url().to_owned(), ..note }.write(data_dir)?;
        }
        return Ok(false);
    }
    // The note is written last: a run that is stopped halfway is done again.
    let workspace = set_up(platform, hub).await?;
    let key = json!({ "name": "demo" });
    let made = hub.call(Method::POST, "/v1/agents/helper/keys", Some(&key)).await?;
    let agent_key = text(&made, "secret")?.to_owned();
    Note { hub: hub.url().to_owned(), workspace, agent_key }.write(data_dir)?;
    Ok(true)
}

/// Everything but the agent's key; the workspace's id.
async fn set_up(platform: &Hub, hub: &Hub) -> Result<String, DemoError> {
    let put = |path: &'static str, body: Value| async move {
        hub.call(Method::PUT, path, Some(&body)).await
    };
    let workspace = json!({ "name": "Chatty", "return_urls": [format!("{PLATFORM}/linked")] });
    let workspace = platform
        .call(Method::PUT, &format!("/v1/workspaces/{WORKSPACE}"), Some(&workspace))
        .await?;
    let client = json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" });
    put("/v1/clients/acme", client).await?;
    put("/v1/integrations/acme", json!({ "provider": "acme", "client": "acme", "scopes": SCOPES }))
        .await?;
    put("/v1/agents/helper", json!({ "name": "Chatty's helper", "trusted_backend": true })).await?;
    let rule = json!({
        "agents": ["helper"],
        "integrations": ["acme"],
        "scopes": ["crm.contacts.read"],
        "forms": ["narrowed_token", "whole_token"],
        "owners": ["end_user"],
    });
    put("/v1/policies/helper-reads-contacts", rule).await?;
    Ok(text(&workspace, "id")?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{Arc, Mutex},
    };

    use base::{OsRng, random_token};
    use bytes::Bytes;
    use http::{Request, Response, StatusCode};
    use outbound::Outbound;

    use super::*;

    type Seen = Arc<Mutex<Vec<String>>>;

    /// A hub whose demo workspace, if it has one, has this id; a seeded one is `ws_new`.
    fn hub(workspace: Option<&'static str>) -> (Hub, Seen) {
        let seen = Seen::default();
        let log = seen.clone();
        let outbound = Outbound::in_process(move |request: Request<Bytes>| {
            log.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
            let id = if request.method() == Method::GET { workspace } else { Some("ws_new") };
            let body = json!({ "id": id, "secret": "vk_agent_new" });
            let mut answer = Response::new(Bytes::from(body.to_string()));
            if id.is_none() {
                *answer.status_mut() = StatusCode::NOT_FOUND;
            }
            async { answer }
        });
        (Hub::new(&outbound, "http://hub", "vk_platform_x".to_owned().into(), None), seen)
    }

    /// Seeds where this note lies; what lies there afterwards, and how many calls changed the hub.
    async fn after(note: Option<Note>, there: Option<&'static str>) -> (bool, Note, usize) {
        let folder = std::env::temp_dir().join(format!("valetkey-seed-{}", random_token(&OsRng)));
        fs::create_dir(&folder).unwrap();
        if let Some(note) = note {
            note.write(&folder).unwrap();
        }
        let (hub, seen) = hub(there);
        let is_new = seed(&folder, &hub, &hub).await.unwrap();
        let kept = Note::read(&folder).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let changes = seen.lock().unwrap().iter().filter(|call| !call.starts_with("GET")).count();
        (is_new, kept, changes)
    }

    fn note(hub: &str) -> Note {
        Note { hub: hub.into(), workspace: "ws_1".into(), agent_key: "vk_agent_1".into() }
    }

    #[tokio::test]
    async fn a_workspace_that_is_there_is_not_seeded_again() {
        let (is_new, kept, changes) = after(Some(note("http://hub")), Some("ws_1")).await;
        assert!(!is_new);
        assert_eq!((kept.agent_key.as_str(), changes), ("vk_agent_1", 0));
    }

    #[tokio::test]
    async fn a_hub_that_moved_is_noted() {
        let (is_new, kept, changes) = after(Some(note("http://old")), Some("ws_1")).await;
        assert!(!is_new);
        assert_eq!((kept.hub.as_str(), changes), ("http://hub", 0));
    }

    #[tokio::test]
    async fn a_new_database_is_seeded_though_a_note_of_the_old_one_lies_there() {
        for there in [None, Some("ws_other")] {
            let (is_new, kept, changes) = after(Some(note("http://hub")), there).await;
            assert!(is_new && changes > 0);
            assert_eq!(kept.agent_key, "vk_agent_new");
            assert_eq!(kept.workspace, "ws_new");
        }
    }

    #[tokio::test]
    async fn a_workspace_without_a_note_is_seeded_to_its_end() {
        let (is_new, kept, _) = after(None, Some("ws_1")).await;
        assert!(is_new);
        assert_eq!(kept.agent_key, "vk_agent_new");
    }
}
