//! Certificates that the hub shows to a peer (mutual TLS, RFC 8705).

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::Request;
use rustls::{
    ClientConfig,
    client::Resumption,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

/// The most certificates of a chain.
const MOST: usize = 10;

/// A certificate with its private key. Cheap to clone; prints nothing of the key.
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

/// A text is no certificate with its key; says what is wrong and quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is none, or too many.
    #[error(
        "it has no certificate, or more than 10: begin with your own, `-----BEGIN CERTIFICATE-----`"
    )]
    Certificate,
    /// There is none that can be used.
    #[error(
        "it has no private key of RSA, ECDSA or Ed25519: `-----BEGIN PRIVATE KEY-----`, without a passphrase"
    )]
    Key,
    /// They are not a pair.
    #[error("the private key is not that of the first certificate")]
    Mismatch,
}

impl ClientCertificate {
    /// Reads a chain, the client's own certificate first, and its private key (PEM, RFC 7468), in one text.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateError::Certificate)?;
        if !(1..=MOST).contains(&chain.len()) {
            return Err(CertificateError::Certificate);
        }
        let key =
            PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| CertificateError::Key)?;
        let key = default_provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| CertificateError::Key)?;
        let pair = CertifiedKey::new(chain, key);
        // What can't be compared is no pair either.
        pair.keys_match().map_err(|_| CertificateError::Mismatch)?;
        Ok(Self(Arc::new(pair)))
    }

    /// Has the request go over a connection of its own, on which this certificate is shown if the peer asks.
    pub fn bind(self, request: &mut Request<Bytes>) {
        request.extensions_mut().insert(self);
    }

    /// What the request carries.
    pub fn of(request: &Request<Bytes>) -> Option<&Self> {
        request.extensions().get()
    }

    /// TLS as it is, and with this certificate. No session is taken up again: it could be another client's.
    pub(crate) fn shown_in(&self, tls: &ClientConfig) -> Arc<ClientConfig> {
        let mut tls = tls.clone();
        tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)));
        tls.resumption = Resumption::disabled();
        Arc::new(tls)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}
