//! Certificates that the hub shows (mutual TLS).

use std::{fs, process::Command, sync::Arc};

use bytes::Bytes;
use http::Request;
use outbound::{CertificateError, ClientCertificate, Limits, Outbound};
use rcgen::{CertifiedKey, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{get, outbound};

fn made(name: &str) -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate")
}

fn pem(of: &CertifiedKey<KeyPair>) -> String {
    of.cert.pem() + &of.signing_key.serialize_pem()
}

/// TLS that asks for a certificate, takes these, and does without. `own` is a certificate and its key, as PEM.
fn tls(own: &str, known: &[&CertifiedKey<KeyPair>]) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    for client in known {
        roots.add(client.cert.der().clone()).expect("a root");
    }
    let asked = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build();
    let certificate = CertificateDer::from_pem_slice(own.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(own.as_bytes()).expect("a key");
    let config = ServerConfig::builder()
        .with_client_cert_verifier(asked.expect("a verifier"))
        .with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.expect("a server")))
}

/// Answers each request on each connection with the certificate that was shown, or `none`, and which
/// connection it is.
async fn answer(tcp: TcpStream, tls: TlsAcceptor, number: usize) {
    let Ok(mut stream) = tls.accept(tcp).await else { return };
    let shown = stream.get_ref().1.peer_certificates();
    let shown = shown.map_or("none".to_owned(), |chain| format!("{:?}", &chain[0][..]));
    let mut head = Vec::new();
    let mut one = [0];
    while stream.read_exact(&mut one).await.is_ok() {
        head.push(one[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let body = format!("{number} {shown}");
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// What the peer saw: on which connection, and whose certificate.
async fn seen(
    out: &Outbound,
    url: &str,
    with: Option<&ClientCertificate>,
    at_once: bool,
) -> (String, String) {
    let mut request: Request<Bytes> = get(url);
    if let Some(certificate) = with {
        certificate.clone().bind(&mut request);
    }
    let answer = if at_once {
        out.send(request, Limits::default()).await
    } else {
        let connection = out.connect(&request, Limits::default()).await.expect("a connection");
        connection.send(request).await
    };
    let body = answer.expect("an answer").into_body();
    let text = String::from_utf8(body.to_vec()).expect("text");
    let (number, shown) = text.split_once(' ').expect("two words");
    (number.to_owned(), shown.to_owned())
}

/// Where the peer's certificate and key are, for the process that trusts it.
const PEER: &str = "OUTBOUND_TEST_PEER";

/// Which certificates are trusted is read from the environment when the way out is made: so the test runs itself
/// in a process of its own, with the peer's.
#[test]
#[allow(clippy::disallowed_methods, reason = "how the test tells itself whom to trust")]
fn a_certificate_is_shown_for_one_request_and_to_its_peer_alone() {
    if let Ok(peer) = std::env::var(PEER) {
        let own = fs::read_to_string(peer).expect("the file of the outer process");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(each_request_shows_its_own(&own));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let peer = folder.path().join("peer.pem");
    fs::write(&peer, pem(&made("127.0.0.1"))).expect("a file");
    let name = std::thread::current().name().expect("a test's thread has its name").to_owned();
    let done = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &name])
        .env("SSL_CERT_FILE", &peer)
        .env(PEER, &peer)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

async fn each_request_shows_its_own(own: &str) {
    // The first way out brings the cryptography that the peer uses too.
    let out = outbound(&["127.0.0.1"]);
    let (ana, bob) = (made("ana.example"), made("bob.example"));
    let acceptor = tls(own, &[&ana, &bob]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((tcp, _)) = listener.accept().await else { return };
            tokio::spawn(answer(tcp, acceptor.clone(), number));
        }
    });

    let certificate = |of| ClientCertificate::from_pem(&pem(of)).expect("a pair");
    let (anas, bobs) = (certificate(&ana), certificate(&bob));
    let der = |of: &CertifiedKey<KeyPair>| format!("{:?}", &of.cert.der()[..]);
    let none = "none".to_owned();

    let first = seen(&out, &url, None, true).await;
    assert_eq!(first.1, none);
    let mut connections = vec![first.0.clone()];
    for (with, wanted) in [(&anas, der(&ana)), (&bobs, der(&bob)), (&anas, der(&ana))] {
        for at_once in [true, false] {
            let (connection, shown) = seen(&out, &url, Some(with), at_once).await;
            assert_eq!(shown, wanted);
            assert!(!connections.contains(&connection), "over a connection of its own");
            connections.push(connection);
            let plain = seen(&out, &url, None, true).await;
            assert_eq!(
                plain,
                (first.0.clone(), none.clone()),
                "the kept one knows of no certificate"
            );
        }
    }
}

#[test]
fn what_is_no_certificate_with_its_key_is_refused() {
    let (ana, bob) = (made("ana.example"), made("bob.example"));
    let of = |text: &str| ClientCertificate::from_pem(text).map(drop);
    let (certificate, key) = (ana.cert.pem(), ana.signing_key.serialize_pem());
    assert_eq!(of(&format!("{certificate}{key}")), Ok(()));
    assert_eq!(of(&format!("{key}{certificate}")), Ok(()));
    assert_eq!(
        of(&format!("the-secret\n{certificate}{key}")),
        Ok(()),
        "text before it is allowed (RFC 7468)"
    );
    assert_eq!(of(""), Err(CertificateError::Certificate));
    assert_eq!(of(&key), Err(CertificateError::Certificate));
    assert_eq!(of(&certificate), Err(CertificateError::Key));
    let broken = key.replacen("MIG", "AAA", 1);
    assert_eq!(of(&format!("{certificate}{broken}")), Err(CertificateError::Key));
    let other = bob.signing_key.serialize_pem();
    assert_eq!(of(&format!("{certificate}{other}")), Err(CertificateError::Mismatch));
    let many = certificate.repeat(11);
    assert_eq!(of(&format!("{many}{key}")), Err(CertificateError::Certificate));
    let printed = format!("{:?}", ClientCertificate::from_pem(&pem(&ana)).expect("a pair"));
    assert_eq!(printed, "ClientCertificate");
}
