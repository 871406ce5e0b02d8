//! The hub's memory is for the hub: no core file keeps it, and no other program of its user reads it.

#![cfg(target_os = "linux")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

use crate::harness::{environment, hub::Settings, process};

const SIGABRT: i32 = 6;

/// Core files as large as whoever runs this may allow, then the program.
const WITH_CORE_FILES: &str = r#"ulimit -c "$(ulimit -H -c)"; exec "$@""#;

/// A program without root's rights, for root may read all: started with core files allowed.
fn unprivileged(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", WITH_CORE_FILES, "sh"]);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.args(["setpriv", "--bounding-set=-all", "--inh-caps=-all"]);
    }
    command.arg(program).args(arguments);
    command
}

/// The hub, running in this folder.
fn hub(folder: &Path) -> process::Process {
    let settings = Settings::new();
    let mut command = unprivileged(&environment::required("VALETKEY_BIN"), &["serve"]);
    command
        .current_dir(folder)
        .env("VALETKEY_DATA_DIR", folder.join("data"))
        .env("VALETKEY_KEY", &settings.key)
        .env("VALETKEY_PLATFORM_KEY", &settings.platform_key)
        .env("VALETKEY_LISTEN", "127.0.0.1:0")
        .env("VALETKEY_LOG", "info")
        .env_remove("DATABASE_URL");
    process::Process::start("valetkey", &mut command, folder.join("log"))
}

/// The same without the hub: what shows that the test sees what it looks for.
fn other(folder: &Path) -> process::Process {
    let mut command = unprivileged(Path::new("sleep"), &["600"]);
    command.current_dir(folder);
    process::Process::start("sleep", &mut command, folder.join("log"))
}

/// Waits until `found`, a minute at most.
async fn until(what: &str, mut found: impl FnMut() -> bool) {
    for _ in 0..600 {
        if found() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a minute passed without this: {what}");
}

async fn started() -> (TempDir, process::Process) {
    let folder = TempDir::new().unwrap();
    let mut hub = hub(folder.path());
    until("the hub is ready", || {
        assert!(!hub.has_ended(), "it ended: {}", hub.last_words());
        hub.last_words().contains("the hub is ready")
    })
    .await;
    (folder, hub)
}

async fn started_other() -> (TempDir, process::Process) {
    let folder = TempDir::new().unwrap();
    let other = other(folder.path());
    let name = format!("/proc/{}/comm", other.pid());
    until("sleep runs", || fs::read_to_string(&name).unwrap() == "sleep\n").await;
    (folder, other)
}

/// Whether a program of the same user can read this of a process.
fn can_read(pid: u32, what: &str) -> bool {
    let mut command = unprivileged(Path::new("head"), &["-c", "1", &format!("/proc/{pid}/{what}")]);
    command.output().unwrap().status.success()
}

#[tokio::test]
async fn other_programs_of_its_user_cannot_read_the_hubs_memory_or_environment() {
    let (_folder, hub) = started().await;
    let (_other_folder, other) = started_other().await;
    for what in ["environ", "maps", "auxv"] {
        assert!(can_read(other.pid(), what), "this test could not read {what} of any process");
        assert!(!can_read(hub.pid(), what), "{what} of the hub can be read");
    }
    assert!(!can_read(hub.pid(), "mem"));
}

#[tokio::test]
async fn an_aborted_hub_leaves_no_core_file() {
    let (folder, mut hub) = started().await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", hub.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let core: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(core, ["0", "0"], "core files are not turned off for good: {limits}");

    let (other_folder, mut other) = started_other().await;
    let before = names(folder.path());
    assert!(!abort(&mut hub).await.core_dumped(), "the hub's memory was written somewhere");
    assert_eq!(names(folder.path()), before);
    // Where core files are allowed, and are files, another program left one just so.
    if abort(&mut other).await.core_dumped() && writes_here() {
        assert_eq!(names(other_folder.path()).len(), 2, "this test sees no core files");
    } else {
        process::show(
            "!!! core files are off on this machine or go elsewhere: only the hub's limit was tested",
        );
    }
}

async fn abort(process: &mut process::Process) -> ExitStatus {
    let pid = process.pid().to_string();
    assert!(Command::new("kill").args(["-ABRT", &pid]).status().unwrap().success());
    let mut end = None;
    until("an aborted program ends", || {
        end = process.end();
        end.is_some()
    })
    .await;
    assert_eq!(end.unwrap().signal(), Some(SIGABRT), "{}", process.last_words());
    end.unwrap()
}

/// Whether this machine writes core files into the folder in which the program runs.
fn writes_here() -> bool {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    !pattern.starts_with(['|', '/', '@'])
}

/// The names of all files in there.
fn names(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(names(&entry.path()));
        }
        found.insert(entry.file_name().into_string().unwrap());
    }
    found
}
