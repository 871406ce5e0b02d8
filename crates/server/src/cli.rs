//! The command line.

mod audit;
mod bar;
mod keys;
mod table;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hub::store::Actor;

use crate::{
    api,
    config::Config,
    demo, open,
    process::{self, Refused},
    serve,
};

/// Hand your agents the valet key, not the master key.
#[derive(Parser)]
#[command(version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the hub: API, connect page and background work (settings: `VALETKEY_…`, see the README)
    Serve,
    /// Bring the database to the newest shape, and stop
    Migrate,
    /// Make a database that was brought back from a backup safe to use
    Restore {
        /// Hold connections whose refresh tokens rotate, until each is tested or linked again
        #[arg(long, required = true)]
        hold_rotating: bool,
    },
    /// The keys that seal everything: what there is, and one after the other
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// The record of what happened: verify, export, cut
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// Print the OpenAPI document
    Openapi,
    /// The demo workspace and its platform, for a first look
    Demo {
        #[command(subcommand)]
        command: DemoCommand,
    },
}

#[derive(Subcommand)]
enum DemoCommand {
    /// Seed the demo workspace of a running hub, print what to try, and serve the demo platform
    Up,
    /// Walk from link to token to call against a running hub
    Walk {
        /// Link without a browser
        #[arg(long)]
        auto: bool,
    },
}

/// Runs the command; errors are told on stderr.
pub fn main() -> ExitCode {
    let refused = process::close();
    let cli = Cli::parse();
    // It needs no configuration and no database, and says more than whether it worked.
    if let Command::Audit { command: audit::Command::Verify(args) } = &cli.command {
        return verify::verify(args);
    }
    match run(cli, &refused) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[allow(clippy::print_stderr, reason = "a person reads it")]
fn complain(error: &Failure) {
    let mut told: &dyn std::error::Error = error.as_ref();
    // Of the hub's own faults callers are told nothing; whoever runs the hub is told the first cause.
    if told.downcast_ref::<hub::Error>().is_some_and(|error| error.kind == hub::Kind::Internal) {
        while let Some(cause) = told.source() {
            told = cause;
        }
    }
    eprintln!("valetkey: {told}");
}

#[allow(clippy::print_stdout, reason = "it is what was asked for")]
fn run(cli: Cli, refused: &Refused) -> Result<(), Failure> {
    if matches!(cli.command, Command::Openapi) {
        println!("{}", api::document_text()?);
        return Ok(());
    }
    if let Command::Keys { command: keys::Command::Generate } = cli.command {
        keys::generate();
        return Ok(());
    }
    let config = Config::load()?;
    open::log(&config.log)?;
    refused.tell();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        match cli.command {
            Command::Serve => serve::serve(config).await,
            Command::Migrate => open::migrate(&config).await,
            Command::Restore { .. } => restore(&config).await,
            Command::Keys { command } => keys::run(&config, command).await,
            Command::Openapi => Ok(()),
            Command::Audit { command } => audit::run(&config, command).await,
            Command::Demo { command: DemoCommand::Up } => Ok(demo::up(&config).await?),
            Command::Demo { command: DemoCommand::Walk { auto } } => {
                Ok(demo::walk(&config, auto).await?)
            }
        }
    })
}

/// Nothing of this database may be running meanwhile: what is in flight would be held too late.
#[allow(clippy::print_stdout, reason = "it is what was asked for")]
async fn restore(config: &Config) -> Result<(), Failure> {
    let _held = open::hold(&config.data_dir)?;
    let store = open::store(config).await?.by(Actor::operator());
    let held = hub::connection::hold_rotating(&store).await?;
    println!(
        "{held} connections are held. Nothing is sent or handed out for them until POST /v1/connections/{{id}}/test finds that they work, or their people link again."
    );
    Ok(())
}
