//! The local journal: a provider's reply is on disk, sealed, before anything looks into it.
//!
//! Files of one process each, under `journal/` in the data directory. A record is a line of JSON that
//! names the row, then the sealed reply. One fsync serves all that wait for it. Files are kept 24 hours.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use vault::{Place, Sealed};

use super::Lease;
use crate::{
    Error, Result,
    connection::owned,
    store::{SealedColumn, Store},
};

/// How long files are kept.
const KEPT: Duration = Duration::from_hours(24);
/// The longest line: a reply of 64 KiB, sealed and in base64, with room to spare.
const LONGEST: usize = 256 * 1024;
/// The most that one fsync takes.
const BATCH: usize = 512;
/// A file that has grown beyond this is closed, and the next begun.
const FULL: u64 = 64 * 1024 * 1024;

/// Which reply: the row, the version it was asked with, and the lease under which.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) workspace: String,
    pub(super) connection: String,
    /// Whose connection it is: its `owner_key`.
    pub(super) whose: String,
    pub(super) generation: i64,
    pub(super) fence: i64,
    pub(super) owner: String,
}

impl Key {
    /// What a lease asks with.
    pub(super) fn of(lease: &Lease) -> Self {
        Self {
            workspace: lease.row.workspace_id.clone(),
            connection: lease.row.id.clone(),
            whose: lease.row.owner_key.clone(),
            generation: lease.row.generation,
            fence: lease.row.fence,
            owner: lease.owner.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    key: Key,
    /// Base64 of the sealed reply; none = that reply is safe in the database.
    reply: Option<String>,
}

/// A reply that waits for its row, sealed.
pub(super) struct Kept {
    pub(super) key: Key,
    /// In base64.
    reply: String,
}

impl Kept {
    /// The reply as it was journaled. Fails where its line was changed, or its key is gone.
    pub(super) async fn open(&self, store: &Store) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        let bytes = BASE64
            .decode(self.reply.as_bytes())
            .map_err(|_| vault::Error::Malformed("it is not base64"))?;
        let sealed = SealedColumn(Sealed::from_bytes(bytes)?);
        store.keys().open_sealed(&place(&self.key, &bound(&self.key)), &sealed).await
    }
}

enum Command {
    Append(Vec<u8>, oneshot::Sender<io::Result<()>>),
    /// Not waited for: a lost mark costs a second look after a crash.
    Mark(Vec<u8>),
}

/// The journal of this process.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Command>,
    folder: PathBuf,
    /// How this process's files begin.
    own: String,
}

/// `bound` is [`bound`]'s.
fn place<'a>(key: &'a Key, bound: &'a str) -> Place<'a> {
    let generation = u64::try_from(key.generation).unwrap_or(0);
    Place { workspace: &key.workspace, row: bound, field: "journal", generation }
}

/// The connection and whose it is.
fn bound(key: &Key) -> String {
    owned(&key.connection, &key.whose)
}

impl Journal {
    /// Opens the folder and begins this process's file; `incarnation` names it.
    pub fn open(data_dir: &Path, incarnation: &str) -> io::Result<Self> {
        let folder = data_dir.join("journal");
        fs::create_dir_all(&folder)?;
        let own = format!("{incarnation}-");
        let mut files = Files { folder: folder.clone(), own: own.clone(), number: 0 };
        let first = files.next()?;
        let (queue, commands) = mpsc::channel();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(first, &mut files, &commands))?;
        Ok(Self { queue, folder, own })
    }

    /// Seals a reply and returns when it is durable.
    pub(super) async fn append(&self, store: &Store, key: &Key, body: &[u8]) -> Result<()> {
        let sealed = store.keys().seal(&place(key, &bound(key)), body).await?;
        let reply = Some(BASE64.encode(sealed.0.as_bytes()));
        let (done, wait) = oneshot::channel();
        self.send(Command::Append(line(key, reply)?, done))?;
        wait.await.map_err(Error::internal)?.map_err(Error::internal)
    }

    /// A journaled reply is in its row, or among its candidates.
    pub(super) fn mark(&self, key: &Key) -> Result<()> {
        self.send(Command::Mark(line(key, None)?))
    }

    fn send(&self, command: Command) -> Result<()> {
        self.queue.send(command).map_err(|_| Error::internal("the journal's writer has ended"))
    }

    /// Other processes' files that were not gone through yet, oldest first.
    pub(super) fn left_behind(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if !self.is_own(&path) && path.extension().is_some_and(|kind| kind == "log") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// The replies of a file that are not marked. A line that a crash has torn was never acknowledged to
    /// anyone.
    pub(super) fn read(path: &Path) -> io::Result<Vec<Kept>> {
        let mut open: Vec<Kept> = Vec::new();
        let mut reader = BufReader::new(File::open(path)?);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text)? > 0 {
            if let Some(line) = parse(&text) {
                match line.reply {
                    Some(reply) => open.push(Kept { key: line.key, reply }),
                    None => open.retain(|kept| kept.key != line.key),
                }
            }
            text.clear();
        }
        Ok(open)
    }

    /// A file was gone through; it stays for its 24 hours, for a database that loses its last moments.
    pub(super) fn put_away(path: &Path) -> io::Result<()> {
        fs::rename(path, path.with_extension("replayed"))
    }

    fn is_own(&self, path: &Path) -> bool {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(&self.own))
    }

    /// Removes files that are older than they are kept.
    pub(super) fn clear_old(&self, now: base::Timestamp) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let since = entry.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH);
            let written = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
            let over = base::Timestamp::from_millis(written).plus(KEPT) < now;
            // One that was not gone through is not old: nobody has its replies yet. This process's own
            // replies of yesterday are long in their rows.
            let path = entry.path();
            let done = path.extension().is_some_and(|kind| kind == "replayed");
            if over && (done || self.is_own(&path)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn line(key: &Key, reply: Option<String>) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(&Line { key: key.clone(), reply })?;
    text.push(b'\n');
    Ok(text)
}

/// None where it is torn, or longer than any that this hub writes.
fn parse(text: &[u8]) -> Option<Line> {
    if text.len() > LONGEST {
        return None;
    }
    serde_json::from_slice(text).ok()
}

/// This process's files, one after the other.
struct Files {
    folder: PathBuf,
    own: String,
    number: u32,
}

impl Files {
    fn next(&mut self) -> io::Result<File> {
        self.number += 1;
        let path = self.folder.join(format!("{}{:05}.log", self.own, self.number));
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        // The folder's entry must survive too.
        File::open(&self.folder)?.sync_all()?;
        Ok(file)
    }
}

/// The writer's thread: what waits is written together and made durable by one fsync.
fn write(mut file: File, files: &mut Files, commands: &mpsc::Receiver<Command>) {
    // After a failure the last line may be torn: the next begins on a line of its own.
    let mut torn = false;
    while let Ok(first) = commands.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = commands.try_recv() else { break };
            batch.push(next);
        }
        if file.metadata().is_ok_and(|file| file.len() > FULL)
            && let Ok(next) = files.next()
        {
            file = next;
        }
        let mut bytes = if torn { vec![b'\n'] } else { Vec::new() };
        let mut waiting = Vec::new();
        for command in batch {
            match command {
                Command::Append(text, done) => {
                    bytes.extend_from_slice(&text);
                    waiting.push(done);
                }
                Command::Mark(text) => bytes.extend_from_slice(&text),
            }
        }
        let mut written = file.write_all(&bytes);
        if written.is_ok() && !waiting.is_empty() {
            written = file.sync_data();
        }
        torn = written.is_err();
        for done in waiting {
            let told = match &written {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // Whoever went away needs no answer; the reply is kept.
            let _ = done.send(told);
        }
    }
}
