//! A network that opens nothing unless told to, and tells what it was asked.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use outbound::{Config, Net, Outbound};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the network was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) names: Vec<String>,
    pub(crate) opened: Vec<SocketAddr>,
}

type Answers = Box<dyn Fn(&str, usize) -> Vec<IpAddr> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Watched {
    asked: Arc<Mutex<Asked>>,
    /// By name and by how often it was asked for.
    answers: Arc<Answers>,
    /// Where connections really go; nowhere if none.
    to: Option<SocketAddr>,
}

impl Watched {
    /// Names are answered by this; nothing is ever opened.
    pub(crate) fn new(
        answers: impl Fn(&str, usize) -> Vec<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self { asked: Arc::default(), answers: Arc::new(Box::new(answers)), to: None }
    }

    /// Names are answered by this table; others by a public address.
    pub(crate) fn of(table: BTreeMap<String, Vec<IpAddr>>) -> Self {
        Self::new(move |name, _| table.get(name).cloned().unwrap_or_else(|| vec![PUBLIC]))
    }

    /// Whatever is opened leads to this server.
    pub(crate) fn leading_to(self, server: SocketAddr) -> Self {
        Self { to: Some(server), ..self }
    }

    pub(crate) fn outbound(&self, allow: &[&str]) -> Outbound {
        Outbound::network_over(self.clone(), &config(allow)).unwrap()
    }

    /// What it was asked since the last time.
    pub(crate) fn take(&self) -> Asked {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Where every name is that no table knows.
pub(crate) const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 215, 14));

#[async_trait]
impl Net for Watched {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut asked = self.asked.lock().unwrap();
        let before = asked.names.iter().filter(|former| *former == name).count();
        asked.names.push(name.to_owned());
        Ok((self.answers)(name, before))
    }

    async fn open(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.asked.lock().unwrap().opened.push(address);
        match self.to {
            Some(server) => TcpStream::connect(server).await,
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

pub(crate) fn config(allow: &[&str]) -> Config {
    let allow = allow.iter().map(|entry| (*entry).to_owned()).collect();
    Config { allow, user_agent: "valetkey-test".to_owned() }
}

/// As the hub makes its requests: of what the URL library has read.
pub(crate) fn get(url: &str) -> Request<Bytes> {
    let url = url::Url::parse(url).unwrap();
    Request::get(url.as_str()).body(Bytes::new()).unwrap()
}

/// A server on this machine that hands over every connection that has brought something.
pub(crate) async fn raw<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let serve = serve.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok() {
                    serve(stream).await;
                }
            });
        }
    });
    address
}

/// A server that answers every connection with these bytes and hangs up.
pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer: Arc<[u8]> = answer.into().into();
    raw(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            let _ = stream.write_all(&answer).await;
        }
    })
    .await
}
