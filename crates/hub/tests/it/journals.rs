//! What stands in a journal after a crash, whole or damaged, and for how long it is kept.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use hub::{
    connection::Connection,
    refresh::{Recovered, Refresher},
};
use serde_json::Value;

use super::{
    provider::RefreshTokens,
    recovering::{ended, journaled_alone},
    scene::{Scene, Tenant, soon, token_of, whole},
};

const HOUR: Duration = Duration::from_hours(1);
const FIRST: &str = "first-00001.log";
/// The longest line that is read.
const LONGEST: usize = 256 * 1024;

fn path(scene: &Scene, name: &str) -> PathBuf {
    scene.dir.path().join("journal").join(name)
}

/// The lines of the first process's file, without their ends.
fn lines(scene: &Scene) -> Vec<String> {
    let text = fs::read_to_string(path(scene, FIRST)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn files(scene: &Scene) -> Vec<String> {
    let entries = fs::read_dir(scene.dir.path().join("journal")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Two accounts with a journaled reply each, which is in no row.
async fn two_in_the_journal() -> (Scene, Tenant, Connection, Connection) {
    let (scene, chat, ana) = ended().await;
    let eve = scene.link(&chat, "eve", "eve-work").await;
    scene.later(HOUR);
    journaled_alone(&scene, &ana).await;
    journaled_alone(&scene, &eve).await;
    assert_eq!(lines(&scene).len(), 2);
    (scene, chat, ana, eve)
}

async fn recovered(refresher: &Refresher) -> usize {
    refresher.recover().await.unwrap().replies
}

async fn is_saved(scene: &Scene, row: &Connection) -> bool {
    let now = scene.connection(row).await;
    assert!(now.generation == row.generation || now.generation == row.generation + 1);
    now.generation == row.generation + 1
}

/// Makes a line this long with its end, by a member that nobody reads.
fn padded(line: &str, length: usize) -> String {
    let rest = line.strip_prefix('{').unwrap();
    let pad = length - line.len() - "'pad':'',".len() - 1;
    format!("{{\"pad\":\"{}\",{rest}\n", "x".repeat(pad))
}

#[tokio::test]
async fn what_is_in_its_row_is_not_looked_at_again() {
    let (scene, _, row) = ended().await;
    scene.acme.gives(RefreshTokens::Rotate);
    for _ in 0..2 {
        scene.refresher.ensure(&scene.connection(&row).await).await.unwrap();
        scene.later(HOUR);
    }
    // Marks are not waited for.
    soon(async || lines(&scene).len() == 4).await;

    assert_eq!(scene.restarted().recover().await.unwrap(), Recovered::default());

    let now = scene.connection(&row).await;
    assert_eq!((now.generation, now.candidates), (row.generation + 2, None));
}

#[tokio::test]
async fn a_damaged_journal_gives_what_is_whole() {
    let (scene, _, ana, eve) = two_in_the_journal().await;
    let [of_ana, of_eve] = lines(&scene).try_into().unwrap();
    let text = [
        "\n",
        "not a line of ours\n",
        &padded(&of_eve, LONGEST + 1),
        &padded(&of_ana, LONGEST),
        &of_eve[..of_eve.len() / 2],
    ];
    fs::write(path(&scene, FIRST), text.concat()).unwrap();

    assert_eq!(recovered(&scene.restarted()).await, 1);

    assert!(is_saved(&scene, &ana).await);
    assert!(!is_saved(&scene, &eve).await, "longer than any line that a hub writes");
}

#[tokio::test]
async fn a_last_line_is_read_without_its_end_too() {
    let (scene, _, ana, eve) = two_in_the_journal().await;
    fs::write(path(&scene, FIRST), lines(&scene).join("\n")).unwrap();
    assert_eq!(recovered(&scene.restarted()).await, 2);
    assert!(is_saved(&scene, &ana).await && is_saved(&scene, &eve).await);
}

#[tokio::test]
async fn a_reply_that_was_moved_to_anothers_line_opens_for_nobody_and_the_rest_is_saved() {
    let (scene, chat, ana, eve) = two_in_the_journal().await;
    let [of_ana, of_eve] = lines(&scene).try_into().unwrap();
    let mut moved: Value = serde_json::from_str(&of_ana).unwrap();
    moved["connection"] = eve.id.as_str().into();
    moved["whose"] = eve.owner_key.as_str().into();
    let no_base64 = {
        let mut line = moved.clone();
        line["reply"] = "?".into();
        line
    };
    fs::write(path(&scene, FIRST), format!("{moved}\n{no_base64}\n{of_eve}\n")).unwrap();

    scene.restarted().recover().await.unwrap();

    assert!(!is_saved(&scene, &ana).await);
    assert!(is_saved(&scene, &eve).await);
    let token = scene.issued(&chat, &whole("eve")).await;
    assert!(token_of(&token).starts_with("access.eve-work."), "{}", token_of(&token));
}

#[tokio::test]
async fn replies_that_nobody_can_use_any_more_do_not_stop_a_start() {
    let (scene, chat, ana, eve) = two_in_the_journal().await;
    let shop = scene.tenant_with_policy("shop").await;
    let ben = scene.link(&shop, "ben", "ben-work").await;
    scene.later(HOUR);
    journaled_alone(&scene, &ben).await;
    scene.execute(&format!("DELETE FROM connection WHERE id = '{}'", ana.id)).await;
    let tx = scene.store.begin().await.unwrap();
    scene.store.keys().destroy(&tx, &chat.id).await.unwrap();
    tx.commit().await.unwrap();
    scene.store.keys().forget(&chat.id).await;

    scene.restarted().recover().await.unwrap();

    assert!(!is_saved(&scene, &eve).await, "its workspace's key is gone");
    assert!(is_saved(&scene, &ben).await);
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_costs_no_reply() {
    let (scene, _, row) = ended().await;
    journaled_alone(&scene, &row).await;
    scene.execute("ALTER TABLE connection RENAME TO away").await;
    scene.restarted().recover().await.unwrap_err();
    scene.execute("ALTER TABLE away RENAME TO connection").await;

    assert_eq!(recovered(&scene.restarted()).await, 1);
    assert!(is_saved(&scene, &row).await);
}

#[tokio::test]
async fn what_a_reply_leaves_out_is_as_it_was() {
    let (scene, chat, row) = ended().await;
    scene.acme.gives(RefreshTokens::Unsaid);
    journaled_alone(&scene, &row).await;
    scene.restarted().recover().await.unwrap();
    assert!(is_saved(&scene, &row).await);

    scene.later(HOUR);
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.3");
}

#[tokio::test]
async fn a_process_leaves_its_own_file_alone() {
    let (scene, _, row) = ended().await;
    journaled_alone(&scene, &row).await;
    assert_eq!(recovered(&scene.refresher).await, 0);
    assert_eq!(files(&scene), [FIRST]);
    assert!(!is_saved(&scene, &row).await);

    assert_eq!(recovered(&scene.restarted()).await, 1);
    assert_eq!(files(&scene), ["first-00001.replayed", "second-00001.log"]);
}

#[tokio::test]
async fn a_file_is_kept_for_a_day_and_longer_where_nobody_has_gone_through_it() {
    let scene = Scene::new().await;
    let now = scene.store.now();
    let table = [
        (FIRST, now.minus(24 * HOUR + Duration::from_millis(1)), false),
        ("first-00002.log", now.minus(24 * HOUR), true),
        ("other-00001.replayed", now.minus(24 * HOUR), true),
        ("other-00002.replayed", now.minus(24 * HOUR + Duration::from_millis(1)), false),
        ("other-00003.replayed", now, true),
        ("other-00004.log", now.minus(1000 * HOUR), true),
    ];
    for (name, written, _) in table {
        let file = File::options().append(true).create(true).open(path(&scene, name)).unwrap();
        let since = Duration::from_millis(written.millis().try_into().unwrap());
        file.set_modified(SystemTime::UNIX_EPOCH + since).unwrap();
    }

    scene.refresher.clear_journal().await;

    let kept: Vec<_> = table.iter().filter(|(_, _, kept)| *kept).map(|(name, ..)| *name).collect();
    assert_eq!(files(&scene), kept);
}

#[tokio::test]
async fn a_file_that_has_grown_large_is_followed_by_another() {
    for (more, expected) in [(0, FIRST), (1, "first-00002.log")] {
        let (scene, _, row) = ended().await;
        let file = File::options().append(true).open(path(&scene, FIRST)).unwrap();
        file.set_len(64 * 1024 * 1024 + more).unwrap();
        scene.refresher.ensure(&row).await.unwrap();
        let holds = |name: &str| {
            fs::read_to_string(path(&scene, name)).is_ok_and(|text| text.contains("\"reply\":\""))
        };
        let with_reply: Vec<_> = files(&scene).into_iter().filter(|name| holds(name)).collect();
        assert_eq!(with_reply, [expected]);
        assert!(is_saved(&scene, &row).await);
    }
}
