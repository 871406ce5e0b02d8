//! A way to the database that can stand still or be slow.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As they come.
    Open,
    /// Each piece so much later.
    Slow(Duration),
    /// Not at all; connections stay open, as with a machine that has lost its network.
    Still,
}

/// A proxy before a PostgreSQL server; it ends with the test's runtime.
pub(crate) struct Proxy {
    way: watch::Sender<Way>,
    address: SocketAddr,
}

impl Proxy {
    /// Starts one before the server that this URL names.
    pub(crate) async fn before(url: &str) -> Self {
        let url: url::Url = url.parse().unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, watched) = watch::channel(Way::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), watched.clone()));
            }
        });
        Self { way, address }
    }

    /// The same URL, through the proxy.
    pub(crate) fn url(&self, url: &str) -> String {
        let mut url: url::Url = url.parse().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    /// From now on bytes pass so.
    pub(crate) fn set(&self, way: Way) {
        self.way.send(way).unwrap();
    }
}

async fn carry(client: TcpStream, server: String, mut way: watch::Receiver<Way>) {
    // A machine without its network makes no new connections either.
    if way.wait_for(|way| *way != Way::Still).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        one_way(from_client, to_server, way.clone()),
        one_way(from_server, to_client, way.clone()),
    );
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut piece).await {
        let now = *way.borrow();
        if let Way::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        // Closing is news too: a dead network tells nobody of it.
        if way.wait_for(|way| *way != Way::Still).await.is_err() {
            break;
        }
        if read == 0 || to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}
