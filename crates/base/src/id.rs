//! Ids: a prefix that names the kind, then 26 characters that sort by time of making.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Clock, Rng};

/// Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind: expected `{prefix}_` and {LENGTH} characters")]
pub struct InvalidId {
    prefix: &'static str,
}

/// 48 bits of milliseconds, then 80 random bits, as 26 characters.
fn fresh(prefix: &str, clock: &dyn Clock, rng: &dyn Rng) -> Arc<str> {
    let mut random = [0_u8; 16];
    rng.fill(&mut random[6..]);
    let millis = u64::try_from(clock.now().millis()).unwrap_or(0);
    random[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    let mut bits = u128::from_be_bytes(random);
    let mut text = [0_u8; LENGTH];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    let mut id = String::with_capacity(prefix.len() + 1 + LENGTH);
    id.push_str(prefix);
    id.push('_');
    id.extend(text.iter().map(|byte| char::from(*byte)));
    id.into()
}

fn is_valid(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == LENGTH && rest.bytes().all(|b| ALPHABET.contains(&b)))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The kind's prefix, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id; ids made later sort later.
            pub fn new(clock: &dyn Clock, rng: &dyn Rng) -> Self {
                Self(fresh($prefix, clock, rng))
            }

            /// The whole id, prefix included.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_valid($prefix, text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { prefix: $prefix })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    WorkspaceId "ws";
    /// An OAuth client registered at a provider.
    ClientId "cli";
    /// A workspace's use of a provider.
    IntegrationId "int";
    /// A linked account.
    ConnectionId "con";
    /// A program that asks for access.
    AgentId "agt";
    /// A rule of who may do what.
    PolicyId "pol";
    /// A connect session.
    SessionId "ses";
    /// One recorded hand-out.
    ReleaseId "rel";
    /// A person's yes or no.
    ApprovalId "apr";
    /// An end user, as the hub names them inside.
    EndUserId "eu";
    /// An API key's row.
    KeyId "key";
    /// A data key of the vault.
    DataKeyId "dk";
    /// A workspace's own provider, one version of it.
    ProviderId "prv";
    /// An audit entry that is no release.
    EntryId "aud";
    /// A row of background work.
    OutboxId "out";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ManualClock, SeededRng, Timestamp};

    #[test]
    fn ids_made_later_sort_later() {
        let clock = ManualClock::at(Timestamp::from_secs(1_795_000_000));
        let rng = SeededRng::new(1);
        let first = ConnectionId::new(&clock, &rng);
        clock.advance(std::time::Duration::from_millis(1));
        let second = ConnectionId::new(&clock, &rng);
        assert!(first < second, "{first} {second}");
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let id = AgentId::new(&ManualClock::at(Timestamp::default()), &SeededRng::new(2));
        assert!(id.as_str().parse::<ConnectionId>().is_err());
        assert_eq!(id.as_str().parse::<AgentId>(), Ok(id));
    }

    proptest! {
        #[test]
        fn reading_any_text_never_panics(text in "\\PC*") {
            let _ = text.parse::<WorkspaceId>();
        }
    }
}
