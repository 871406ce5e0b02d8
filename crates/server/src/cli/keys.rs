//! `valetkey keys`: the keys that seal everything. Beside a running hub, or without one.

mod status;

use std::io::{BufRead, IsTerminal, Write};

use base::{ExposeSecret, OsRng};
use clap::{ArgGroup, Subcommand};
use hub::{
    keys::{self, Course, Pace},
    store::{Actor, Database, SYSTEM, Store},
    workspace::{self, Workspace},
};
use vault::LocalKeys;

use super::{
    Failure,
    bar::Bar,
    table::{count, counted},
};
use crate::{config::Config, open};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the data keys: their states, how often they sealed, what still names them
    Status {
        /// Only this workspace's: its id or slug, or `system` for the hub's own
        #[arg(long)]
        workspace: Option<String>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Make new data keys, and seal everything anew with them; goes on where it was interrupted
    #[command(group = ArgGroup::new("whose").required(true))]
    Rotate {
        /// This workspace's: its id or slug, or `system` for the hub's own
        #[arg(long, group = "whose")]
        workspace: Option<String>,
        /// Every workspace's, and the hub's own
        #[arg(long, group = "whose")]
        all: bool,
    },
    /// Wrap every data key with the key that the key source wraps with now; goes on where it was interrupted
    ///
    /// Give every hub the new wrapping key first, before the former ones, and start it anew. When this
    /// is through, the former ones can be taken away.
    Rewrap,
    /// Destroy a workspace's data keys: nothing of what it kept can ever be read again
    Destroy {
        /// Its id or slug
        #[arg(long)]
        workspace: String,
        /// Its slug once more, where the workspace is still in use
        #[arg(long, value_name = "SLUG")]
        confirm: Option<String>,
    },
    /// Print a new wrapping key, for a line of the key file
    Generate,
}

/// A new wrapping key.
pub(super) fn generate() {
    say(LocalKeys::generate_text(&OsRng).expose_secret());
}

pub(super) async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let store = store(config).await?;
    match command {
        Command::Status { workspace, json } => {
            let workspace = match &workspace {
                Some(name) => Some(whose(&store, name).await?),
                None => None,
            };
            let status = keys::status(&store, workspace.as_deref()).await?;
            say(&if json { status::json(&status)? } else { status::text(&status, store.now()) });
            Ok(())
        }
        Command::Rotate { workspace: Some(name), .. } => {
            rotate(&store, &whose(&store, &name).await?, &name).await
        }
        Command::Rotate { .. } => rotate_all(&store).await,
        Command::Rewrap => rewrap(&store).await,
        Command::Destroy { workspace, confirm } => destroy(&store, &workspace, confirm).await,
        Command::Generate => {
            generate();
            Ok(())
        }
    }
}

/// The database that is there: a typo in a path must not make another.
async fn store(config: &Config) -> Result<Store, Failure> {
    if let Database::Sqlite(path) = &config.database
        && !path.exists()
    {
        let path = path.display();
        return Err(format!(
            "There is no database at {path}. Set VALETKEY_DATA_DIR or DATABASE_URL as the hub has them."
        )
        .into());
    }
    Ok(open::store(config).await?.by(Actor::operator()))
}

/// The workspace's id.
async fn whose(store: &Store, name: &str) -> Result<String, Failure> {
    if name == SYSTEM {
        return Ok(SYSTEM.to_owned());
    }
    Ok(find(store, name).await?.id)
}

async fn find(store: &Store, name: &str) -> Result<Workspace, Failure> {
    let found = workspace::get(store, name).await;
    found.map_err(|error| match error.kind {
        hub::Kind::NotFound => format!("There is no workspace `{name}`.").into(),
        _ => error.into(),
    })
}

/// Whoever reads may have heard enough, as `head` does: that is no failure.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

async fn rotate(store: &Store, workspace: &str, name: &str) -> Result<(), Failure> {
    let bar = Bar::new("Sealing anew");
    let watch = |progress| bar.show(progress);
    let done = keys::rotate(store, workspace, &mut Course::new(Pace::Steady, &watch)).await?;
    drop(bar);
    let sealed = counted(done.resealed, "value");
    say(&if done.is_new {
        format!("{name} has a new data key; {sealed} sealed anew.")
    } else {
        format!(
            "{name} had a rotation that was interrupted; it is through now, {sealed} sealed anew. For another new key, run this again."
        )
    });
    unreadable(done.unreadable);
    Ok(())
}

async fn rotate_all(store: &Store) -> Result<(), Failure> {
    let bar = Bar::new("Sealing anew");
    let watch = |progress| bar.show(progress);
    let run = keys::rotate_all(store, &mut Course::new(Pace::Steady, &watch)).await?;
    drop(bar);
    if let Some(since) = run.continued_from {
        let since = base::Timestamp::from_millis(since);
        say(&format!("Went on with the rotation that began {since} and was interrupted."));
    }
    say(&format!(
        "{} made primary; {} sealed anew.",
        counted(run.rotated, "new data key"),
        counted(run.resealed, "value")
    ));
    unreadable(run.unreadable);
    failed(&run.failed, "rotated")
}

async fn rewrap(store: &Store) -> Result<(), Failure> {
    let bar = Bar::new("Wrapping anew");
    let watch = |progress| bar.show(progress);
    let done = keys::rewrap(store, &mut Course::new(Pace::Steady, &watch)).await?;
    drop(bar);
    let keys = counted(done.rewrapped, "data key");
    say(&format!("{keys} wrapped anew with the wrapping key {}.", done.wrapping_key));
    failed(&done.failed, "wrapped anew")?;
    say("Former wrapping keys are not needed any more, except for backups of before.");
    Ok(())
}

fn unreadable(values: u64) {
    if values > 0 {
        say(&format!(
            "{} do not open, because somebody changed or moved them: the log names them. They stay as they are, and so does the key that they name.",
            count(values)
        ));
    }
}

fn failed(workspaces: &[(String, String)], what: &str) -> Result<(), Failure> {
    if workspaces.is_empty() {
        return Ok(());
    }
    let all = workspaces.iter().map(|(workspace, why)| format!("\n  {workspace}: {why}"));
    let (keys, all) = (counted(workspaces.len() as u64, "workspace"), all.collect::<String>());
    Err(format!(
        "The keys of {keys} could not be {what}:{all}\nRun this again when that is mended."
    )
    .into())
}

async fn destroy(store: &Store, name: &str, confirm: Option<String>) -> Result<(), Failure> {
    if name == SYSTEM {
        return Err(
            "The hub's own keys are never destroyed: every workspace's look-ups rest on them."
                .into(),
        );
    }
    let workspace = find(store, name).await?;
    if !matches!(workspace.status.as_str(), "closing" | "closed") {
        confirmed(&workspace, confirm)?;
    }
    let (destroyed, is_written_over) = keys::destroy(store, &workspace).await?;
    say(&format!(
        "{} of {} destroyed. Nothing of what it kept can be read again; running hubs stop within seconds. Its audit chain stays, and verifies.",
        counted(destroyed, "data key"),
        workspace.slug
    ));
    if store.is_postgres() {
        say("PostgreSQL writes over the place of the deleted bytes in its own time.");
    } else if !is_written_over {
        say(
            "The database's log still has the wrapped keys, because somebody reads all the time; SQLite writes over it soon.",
        );
    }
    say("Backups of before still hold the wrapped keys: they open with the wrapping key of then.");
    Ok(())
}

/// Nothing undoes it: whoever means it says the slug.
#[allow(clippy::print_stderr, reason = "a person reads it")]
fn confirmed(workspace: &Workspace, confirm: Option<String>) -> Result<(), Failure> {
    let slug = &workspace.slug;
    let said = match confirm {
        Some(said) => said,
        None if std::io::stdin().is_terminal() => {
            eprint!(
                "{slug} is in use. Nothing of what it kept can be read again after this.\nType its slug to go on: "
            );
            std::io::stderr().flush()?;
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line.trim().to_owned()
        }
        None => String::new(),
    };
    if said == *slug {
        return Ok(());
    }
    Err(format!(
        "Nothing was destroyed. The workspace is in use: close it first, or say --confirm {slug}"
    )
    .into())
}
