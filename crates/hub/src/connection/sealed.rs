//! What of a connection is sealed, and where it belongs.

use std::collections::BTreeMap;

use connector::{Account, Credential};
use serde::{Deserialize, Serialize};
use vault::Place;
use zeroize::Zeroizing;

use super::Connection;
use crate::{
    Error, Result,
    store::{SealedAt, SealedColumn, Store},
};

/// The columns that are sealed. An account's label is sealed by the person's own key, where it has one.
pub const SEALED: &[SealedAt] = &[
    SealedAt::new("connection", "account_sealed", "account", "1"),
    SealedAt {
        bound: OWNED,
        ..SealedAt::new("connection", "credential_sealed", CREDENTIAL, "generation")
    },
    SealedAt { bound: OWNED, ..SealedAt::new("connection", "candidates", CANDIDATES, "1") },
];

const CREDENTIAL: &str = "credential";
pub(super) const CANDIDATES: &str = "candidates";

/// What [`owned`] makes of a row, in SQL.
const OWNED: &str = "id || '/' || owner_key";

/// The row in a credential's place: the connection and whose it is, so that it does not open for another
/// to whom somebody has given the row. Ids have no `/`.
pub(crate) fn owned(connection: &str, owner_key: &str) -> String {
    format!("{connection}/{owner_key}")
}

/// A credential and what was answered when it was linked.
pub struct Stored {
    /// Answers from the connect page that are no secrets: a subdomain, a region.
    pub inputs: BTreeMap<String, String>,
    /// The credential.
    pub credential: Credential,
}

base::lacks!(Stored: std::fmt::Debug, std::fmt::Display, Clone, Serialize);

/// The bytes that are sealed: a length, the inputs as JSON, the credential.
fn to_bytes(stored: &Stored) -> Result<Zeroizing<Vec<u8>>> {
    let inputs = serde_json::to_vec(&stored.inputs)?;
    let length = u32::try_from(inputs.len()).map_err(Error::internal)?;
    let credential = stored.credential.to_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 + inputs.len() + credential.len()));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&inputs);
    bytes.extend_from_slice(&credential);
    Ok(bytes)
}

impl Stored {
    /// For sealing.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        to_bytes(self)
    }

    /// After opening.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed = || Error::internal("a stored credential is malformed");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (inputs, credential) = rest.split_at_checked(length).ok_or_else(malformed)?;
        Ok(Self {
            inputs: serde_json::from_slice(inputs)?,
            credential: Credential::from_bytes(credential).map_err(Error::internal)?,
        })
    }
}

/// The account as people know it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Label {
    /// The provider's id of the account.
    pub id: String,
    /// What people read: an e-mail address, a company.
    pub label: String,
}

impl From<&Account> for Label {
    fn from(account: &Account) -> Self {
        Self { id: account.id.clone(), label: account.label.clone() }
    }
}

/// Where a credential belongs.
#[derive(Clone, Copy, Debug)]
pub struct Belongs<'a> {
    /// The connection's workspace.
    pub workspace: &'a str,
    /// The connection.
    pub connection: &'a str,
    /// Whose it is: its `owner_key`.
    pub owner_key: &'a str,
    /// Which of its credentials.
    pub generation: i64,
}

impl<'a> Belongs<'a> {
    /// To this row, as its credential of this generation.
    pub fn to(row: &'a Connection, generation: i64) -> Self {
        Self {
            workspace: &row.workspace_id,
            connection: &row.id,
            owner_key: &row.owner_key,
            generation,
        }
    }
}

/// Seals a credential for where it belongs, and nowhere else.
pub async fn seal_credential(
    store: &Store,
    belongs: Belongs<'_>,
    stored: &Stored,
) -> Result<SealedColumn> {
    let row = owned(belongs.connection, belongs.owner_key);
    let generation = u64::try_from(belongs.generation).unwrap_or(0);
    let place = Place { workspace: belongs.workspace, row: &row, field: CREDENTIAL, generation };
    store.keys().seal(&place, &to_bytes(stored)?).await
}

/// Opens a connection's credential.
pub async fn open_credential(store: &Store, row: &Connection) -> Result<Stored> {
    let sealed = row.credential_sealed.as_ref().ok_or_else(|| Error::not_found("connection"))?;
    let bound = owned(&row.id, &row.owner_key);
    let generation = u64::try_from(row.generation).unwrap_or(0);
    let place = Place { workspace: &row.workspace_id, row: &bound, field: CREDENTIAL, generation };
    Stored::from_bytes(&store.keys().open_sealed(&place, sealed).await?)
}

fn label_place<'a>(workspace: &'a str, connection: &'a str) -> Place<'a> {
    Place { workspace, row: connection, field: "account", generation: 1 }
}

/// Seals an account's id and label for its person.
pub async fn seal_label(
    store: &Store,
    workspace: &str,
    connection: &str,
    end_user: Option<&str>,
    label: &Label,
) -> Result<SealedColumn> {
    let place = label_place(workspace, connection);
    store.keys().seal_personal(end_user, &place, &serde_json::to_vec(label)?).await
}

/// The account as people know it; none once erased.
pub async fn label(store: &Store, row: &Connection) -> Result<Option<Label>> {
    let Some(sealed) = &row.account_sealed else { return Ok(None) };
    let place = label_place(&row.workspace_id, &row.id);
    let text = store.keys().open_personal(row.end_user_id.as_deref(), &place, sealed).await?;
    Ok(Some(serde_json::from_slice(&text)?))
}

/// What makes one account of a provider findable without telling which it is.
pub fn account_digest(store: &Store, provider: &str, account: &str) -> Vec<u8> {
    store.keys().digest("account", format!("{provider}\n{account}").as_bytes()).to_vec()
}
