//! `valetkey audit …`: what operators do with the record, on the hub's machine.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use hub::{
    audit::{self, Export, Signer, Span},
    keys::Progress,
    store::{Actor, SYSTEM, Store},
    workspace,
};

use super::{Failure, bar::Bar, verify::VerifyArgs};
use crate::{
    config::{Config, audit_name, days},
    open,
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Check an export without the hub, its settings or its database
    ///
    /// Exit code 0: all fits. 1: something is wrong, and where. 2: it could not be checked.
    Verify(Box<VerifyArgs>),
    /// Write a chain as a file that `verify` checks
    Export(ExportArgs),
    /// Print the key with which notes are verified; write it down where the hub's operators can't change it
    Key,
    /// Cut off the old entries of a chain, and sign where
    Retain(RetainArgs),
}

#[derive(Args)]
pub(super) struct ExportArgs {
    /// A workspace's id or slug, or `system` for the platform's own chain
    #[arg(long)]
    workspace: String,
    /// A new file; standard output where it is left out
    #[arg(long)]
    out: Option<PathBuf>,
    /// The first place, or a time (RFC 3339)
    #[arg(long)]
    from: Option<String>,
    /// The last place, or a time; the export goes on to the next signed note
    #[arg(long)]
    to: Option<String>,
}

#[derive(Args)]
pub(super) struct RetainArgs {
    /// A workspace's id or slug, or `system` for the platform's own chain
    #[arg(long)]
    workspace: String,
    /// Entries that are younger stay
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_days: u32,
}

/// Opens the database and does it.
pub(super) async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let store = open::store(config).await?.by(Actor::operator());
    let signer = audit::signer(&store, &audit_name(&config.public_url)).await?;
    match command {
        Command::Verify(_) => Ok(()),
        Command::Key => say(&signer.verifier_key().to_string()),
        Command::Export(args) => export(&store, &signer, args).await,
        Command::Retain(RetainArgs { workspace, keep_days }) => {
            let chain = chain(&store, &workspace).await?;
            let gone = audit::cut(&store, &signer, &chain, days(keep_days)).await?;
            let first = audit::anchor(&store, &chain).await?.map_or(1, |anchor| anchor.size + 1);
            say(&format!("{gone} entries were cut off; the chain begins at place {first}."))
        }
    }
}

/// Prints a line; that nobody reads any more is an error here.
fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}")?;
    Ok(())
}

async fn chain(store: &Store, workspace: &str) -> Result<String, Failure> {
    if workspace == SYSTEM {
        return Ok(SYSTEM.to_owned());
    }
    Ok(workspace::get(store, workspace).await?.id)
}

async fn export(store: &Store, signer: &Signer, args: ExportArgs) -> Result<(), Failure> {
    let chain = chain(store, &args.workspace).await?;
    let mut out = match &args.out {
        Some(path) => Out::File(new_file(path)?),
        None => Out::Standard,
    };
    let span = Span { from: args.from, to: args.to };
    let mut export = Export::begin(store, signer, &chain, &span).await?;
    let bar = args.out.is_some().then(|| Bar::new("Exporting"));
    while let Some(lines) = export.part().await? {
        out.write(&lines)?;
        if let Some(bar) = &bar {
            let (done, total) = export.progress();
            bar.show(Progress { done, total });
        }
    }
    out.finish()?;
    drop(bar);
    if let Some(path) = &args.out {
        let path = path.display();
        say(&format!(
            "{} entries are in {path}. Check them: valetkey audit verify {path} --vkey {}",
            export.progress().0,
            signer.verifier_key()
        ))?;
    }
    Ok(())
}

enum Out {
    File(File),
    Standard,
}

impl Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Standard => io::stdout().write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_all(),
            Self::Standard => io::stdout().flush(),
        }
    }
}

/// For its owner's eyes, and never in the place of another file.
fn new_file(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    Ok(file.map_err(|error| format!("{}: {error}", path.display()))?)
}
