//! What a playground is started with.

use std::{fmt, str::FromStr, time::Duration};

use crate::Clock;

/// How Acme behaves, and for whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is reached, without a slash at the end: the issuer of RFC 8414 and RFC 9207.
    pub issuer: String,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// How long an authorization code lives.
    pub code_ttl: Duration,
    /// Who may ask for tokens.
    pub clients: Vec<Client>,
    /// Where time comes from.
    pub clock: Clock,
}

impl Default for Config {
    /// At `http://localhost:8090`, with the three demo clients.
    fn default() -> Self {
        Self {
            issuer: "http://localhost:8090".to_owned(),
            access_ttl: Duration::from_secs(20),
            code_ttl: Duration::from_mins(1),
            clients: Client::demo(),
            clock: Clock::default(),
        }
    }
}

impl Config {
    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshClass {
    /// It stays.
    Static,
    /// It is replaced; for 30 s the old one is honoured and gives the same new one.
    ReplaySafe,
    /// It is replaced, and the former access token dies with it; the old one, used again, revokes
    /// the whole grant.
    Strict,
}

impl RefreshClass {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::ReplaySafe => "replay-safe",
            Self::Strict => "strict",
        }
    }
}

/// An OAuth client. Its secret is not in `Debug`.
#[derive(Clone)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// The `client_secret`.
    pub secret: String,
    /// What becomes of its refresh tokens.
    pub class: RefreshClass,
    /// What the consent page calls it.
    pub name: String,
}

impl Client {
    /// The clients that every playground knows. Their secrets are public.
    pub fn demo() -> Vec<Self> {
        let demo = |id: &str, class, name: &str| Self {
            id: id.to_owned(),
            secret: format!("{id}-secret"),
            class,
            name: name.to_owned(),
        };
        vec![
            demo("acme-demo", RefreshClass::Static, "Demo App"),
            demo("acme-replay-safe", RefreshClass::ReplaySafe, "Replay-safe App"),
            demo("acme-strict", RefreshClass::Strict, "Strict App"),
        ]
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

impl FromStr for Client {
    type Err = InvalidClient;

    /// Reads `id:secret:class`. The secret may hold colons.
    fn from_str(text: &str) -> Result<Self, InvalidClient> {
        let (id, rest) = text.split_once(':').ok_or(InvalidClient)?;
        let (secret, class) = rest.rsplit_once(':').ok_or(InvalidClient)?;
        let class = match class {
            "static" => RefreshClass::Static,
            "replay-safe" => RefreshClass::ReplaySafe,
            "strict" => RefreshClass::Strict,
            _ => return Err(InvalidClient),
        };
        let bounded = |part: &str| !part.is_empty() && part.len() <= 200;
        if !bounded(id) || !bounded(secret) {
            return Err(InvalidClient);
        }
        Ok(Self { id: id.to_owned(), secret: secret.to_owned(), class, name: id.to_owned() })
    }
}

/// Text that is no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidClient;

impl fmt::Display for InvalidClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client reads id:secret:class, where class is static, replay-safe or strict")
    }
}

impl std::error::Error for InvalidClient {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_read_from_the_command_line() {
        let client: Client = "shop:s3:cr&t:strict".parse().unwrap();
        assert_eq!((client.id.as_str(), client.secret.as_str()), ("shop", "s3:cr&t"));
        assert_eq!(client.class, RefreshClass::Strict);
        for bad in ["shop", "shop:secret", "shop:secret:weekly", ":secret:static", "shop::static"] {
            assert!(bad.parse::<Client>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        let printed = format!("{:?}", Config::default());
        assert!(printed.contains("acme-demo") && !printed.contains("acme-demo-secret"));
    }
}
