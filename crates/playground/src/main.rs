//! The command `playground`.

use std::{io, net::SocketAddr, time::Duration};

use clap::{Parser, Subcommand};
use playground::{Client, Config, router};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// How long answers may take that are under way when a signal comes.
const GRACE: Duration = Duration::from_secs(1);

/// Acme, a playground provider: an OAuth 2.0 server with an API behind it, in memory.
#[derive(Parser)]
#[command(name = "playground", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until SIGINT or SIGTERM.
    Serve(Serve),
}

#[derive(clap::Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one, and the first line of the log names it.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where it is reached, if not at localhost by http and its port.
    #[arg(long)]
    issuer: Option<String>,
    /// How many seconds an access token lives.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    access_ttl: u64,
    /// How many seconds an authorization code lives.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    code_ttl: u64,
    /// One more client, as id:secret:class; class is static, replay-safe or strict. May be repeated.
    #[arg(long = "client", value_name = "ID:SECRET:CLASS")]
    clients: Vec<Client>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_target(false).with_ansi(false).init();
    let Command::Serve(options) = Cli::parse().command;
    serve(options).await
}

async fn serve(options: Serve) -> io::Result<()> {
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        io::Error::new(error.kind(), format!("can't listen on {}: {error}", options.listen))
    })?;
    let at = listener.local_addr()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    if !at.ip().is_loopback() {
        tracing::warn!("others can reach this, and every secret in it is public");
    }
    let app = router(config(options, at.port()));
    let (tell, told) = oneshot::channel();
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // Nobody listens only if the server has ended on its own.
        let _ = tell.send(());
    };
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    tracing::info!("ready at http://{at}");
    tokio::select! {
        ended = server.into_future() => ended,
        // Slow answers, ordered by tests, are not waited for.
        () = async { if told.await.is_ok() { tokio::time::sleep(GRACE).await } } => Ok(()),
    }
}

fn config(options: Serve, port: u16) -> Config {
    let defaults = Config::default();
    let issuer = options.issuer.unwrap_or_else(|| format!("http://localhost:{port}"));
    let mut clients = defaults.clients;
    // The last of an id counts, so that a demo client can be given another secret.
    clients.retain(|client| options.clients.iter().all(|given| given.id != client.id));
    clients.extend(options.clients);
    Config {
        issuer: issuer.trim_end_matches('/').to_owned(),
        access_ttl: Duration::from_secs(options.access_ttl),
        code_ttl: Duration::from_secs(options.code_ttl),
        clients,
        clock: defaults.clock,
    }
}
