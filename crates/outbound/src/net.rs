//! Names and sockets, as the system has them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use async_trait::async_trait;
use tokio::net::{TcpStream, lookup_host};

/// What the guard stands in front of. Tests put a stand-in here, to see what would be opened.
#[async_trait]
pub trait Net: Send + Sync + 'static {
    /// Where a name points, or what an address written as text is.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// A connection to exactly this address.
    async fn open(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The operating system's resolver and sockets.
pub(crate) struct System;

#[async_trait]
impl Net for System {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(lookup_host((name, 0)).await?.map(|found| found.ip()).collect())
    }

    async fn open(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}
