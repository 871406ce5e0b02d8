//! `valetkey keys` beside a running hub: killed at any moment, and nobody who asks notices.

use std::{
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Agent, Database, Hub, Scene, environment,
    hub::{Settings, operator},
    scene::APP,
};

/// An operator's shell on the hub's machine.
struct Shell<'a> {
    settings: &'a Settings,
    database: &'a Database,
    folder: TempDir,
}

impl<'a> Shell<'a> {
    fn of(settings: &'a Settings, database: &'a Database) -> Self {
        Self { settings, database, folder: TempDir::new().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let data = self.database.folder().unwrap_or(self.folder.path());
        let mut command = operator(self.settings, self.database, data);
        command.arg("keys").args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints; it must work.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.says(&["status", "--json"])).unwrap()
    }
}

fn states(status: &Value, slug: &str) -> Vec<String> {
    let keys = status["keys"].as_array().unwrap();
    let of_slug =
        keys.iter().filter(|key| key["workspace_slug"] == slug && key["seals"] == "values");
    of_slug.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

/// Workspaces with secrets of their own, so that a rotation has something to do.
async fn fill(scene: &Scene) {
    for number in 0..12 {
        let other = scene.platform.workspace(&format!("other-{number}")).await;
        for client in 0..6 {
            let secret = environment::canary("client secret");
            let body =
                json!({ "provider": "generic-oidc", "client_id": "id", "client_secret": secret });
            other.put(&format!("/v1/clients/client-{client}"), &body).await;
        }
    }
}

/// Asks without a pause until it is over; every answer must be a token.
async fn ask(agent: Agent, over: &AtomicBool, issued: &AtomicU32) {
    let question = json!({
        "integration": APP, "end_user": { "id": "ana" }, "reason": "to see whether it is noticed",
    });
    while !over.load(Ordering::Relaxed) {
        let answer = agent.ask(&question).await.ok();
        assert_eq!(answer["status"], "issued", "{answer}");
        issued.fetch_add(1, Ordering::Relaxed);
    }
}

async fn end(mut child: Child) {
    // As a power cut would.
    child.kill().ok();
    child.wait().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Rotates with interruptions, then to the end.
async fn rotate_with_kills(shell: &Shell<'_>) {
    // From before it has opened the database to where it is nearly through.
    for wait in [40, 150, 220, 300, 380, 470, 560, 700] {
        let mut command = shell.command(&["rotate", "--all"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        end(child).await;
    }
    let mut last = shell.command(&["rotate", "--all"]);
    let output = tokio::task::spawn_blocking(move || last.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

// A rotation of all keys that is killed again and again, while agents ask.
on_both_databases!(nobody_notices_a_rotation_that_is_killed_and_goes_on);
async fn nobody_notices_a_rotation_that_is_killed_and_goes_on(database: Database) {
    let scene = Scene::with(database, Settings::new(), 2, 600).await;
    scene.link("ana").await;
    fill(&scene).await;
    let shell = Shell::of(&scene.settings, &scene.database);
    let (over, issued) = (AtomicBool::new(false), AtomicU32::new(0));
    let last = scene.hubs.last().unwrap();
    let callers = futures::future::join(
        ask(scene.agent.clone(), &over, &issued),
        ask(scene.agent.at(last.address()), &over, &issued),
    );
    let rotation = async {
        rotate_with_kills(&shell).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(callers, rotation);
    assert!(issued.load(Ordering::Relaxed) > 20, "agents asked meanwhile");

    let status = shell.status();
    assert_eq!(status["totals"]["values_to_seal_anew"], 0, "{status}");
    assert_eq!(status["rotation_of_all_since"], Value::Null, "{status}");
    for slug in ["chatty", "other-0", "other-11"] {
        let found = states(&status, slug);
        let (last, former) = found.split_last().unwrap();
        assert!(last == "primary" && !former.is_empty(), "{found:?}");
        assert!(former.iter().all(|state| state == "retired"), "{found:?}");
    }
    let retired = status["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "retired");
    for key in retired {
        assert_eq!(
            (key["named_by"].as_u64(), key["kept_for"].as_str()),
            (Some(0), Some("journal"))
        );
    }
    // With the client's secret, which was sealed anew.
    scene.link("eve").await;
    let acts = scene.workspace.audit().await;
    assert!(acts.iter().any(|act| act.to_string().contains("keys.rotated")), "{acts:?}");
}

// Keys that are destroyed while the hub runs, of a workspace that is in use.
on_both_databases!(a_workspace_whose_keys_are_destroyed_hands_out_nothing);
async fn a_workspace_whose_keys_are_destroyed_hands_out_nothing(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    scene.agent.token(APP, "ana").await;
    let shell = Shell::of(&scene.settings, &scene.database);
    for arguments in [
        &["destroy", "--workspace", "chatty"][..],
        &["destroy", "--workspace", "chatty", "--confirm", "chat"],
        &["destroy", "--workspace", "system", "--confirm", "system"],
        &["destroy", "--workspace", "nobody", "--confirm", "nobody"],
    ] {
        assert!(!shell.run(arguments).status.success(), "{arguments:?}");
    }
    scene.agent.token(APP, "ana").await;

    shell.says(&["destroy", "--workspace", "chatty", "--confirm", "chatty"]);
    for _ in 0..100 {
        if scene.agent.ask_for(APP, "ana").await.status != 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let refused = scene.agent.ask_for(APP, "ana").await.problem(409);
    assert_eq!(crate::harness::http::code(&refused), "workspace_closed", "{refused}");
    assert_eq!(states(&shell.status(), "chatty"), ["destroyed"]);
    let acts = scene.workspace.audit().await;
    assert!(acts.iter().any(|act| act.to_string().contains("keys.destroyed")), "{acts:?}");
}

// The wrapping key changes in three steps, as docs/keys.md tells.
on_both_databases!(a_wrapping_key_is_replaced_and_nothing_is_lost);
async fn a_wrapping_key_is_replaced_and_nothing_is_lost(database: Database) {
    let mut scene = Scene::start(database).await;
    scene.link("ana").await;
    let new = Shell::of(&scene.settings, &scene.database).says(&["generate"]).trim().to_owned();
    let both = format!("{new}\n{}", scene.settings.key);
    restart(&mut scene, &both).await;
    let shell = Shell::of(&scene.settings, &scene.database);
    assert_eq!(shell.status()["totals"]["keys_to_wrap_anew"], 3);
    let said = shell.says(&["rewrap"]);
    assert!(said.starts_with("3 data keys"), "{said}");
    assert_eq!(shell.status()["totals"]["keys_to_wrap_anew"], 0);
    restart(&mut scene, &new).await;
    scene.agent.token(APP, "ana").await;
    assert_eq!(
        Shell::of(&scene.settings, &scene.database).status()["totals"]["keys_to_wrap_anew"],
        0
    );
}

/// The hub with another key, where it was.
async fn restart(scene: &mut Scene, key: &str) {
    let public_url = scene.hubs[0].public_url().to_owned();
    key.clone_into(&mut scene.settings.key);
    scene.hubs.clear();
    scene.hubs.push(Hub::start(&scene.settings, &scene.database, Some(&public_url)).await);
    let address = scene.hubs[0].address().to_owned();
    scene.agent = scene.agent.at(&address);
}
