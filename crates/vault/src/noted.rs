//! What a key service wrapped, with a note of the key that did: kind ‖ length ‖ key's name ‖ the
//! service's own bytes.
//!
//! The note only chooses among configured keys and is not secret. Changing it in a database leads to
//! a key that is not configured, or to one that does not open.

use crate::{Error, Wrapped};

/// The most bytes of a key's name.
pub(crate) const NAME: usize = 2048;

/// Which service. The first byte of what [`LocalKeys`](crate::LocalKeys) wraps is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Transit = 2,
    #[cfg(feature = "aws-kms")]
    Kms = 3,
}

/// Wrapped bytes, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted<'a> {
    pub(crate) key: &'a str,
    pub(crate) blob: &'a [u8],
}

impl<'a> Noted<'a> {
    /// Reads bytes of this kind.
    pub(crate) fn read(kind: Kind, wrapped: &'a Wrapped) -> Result<Self, Error> {
        let short = || Error::Malformed("they are too short");
        let (&first, rest) = wrapped.as_bytes().split_first().ok_or_else(short)?;
        if first != kind as u8 {
            return Err(unknown(first));
        }
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (key, blob) = rest.split_at_checked(length).ok_or_else(short)?;
        let key = std::str::from_utf8(key)
            .ok()
            .filter(|key| key.len() <= NAME)
            .ok_or(Error::Malformed("the name of the key in them can't be read"))?;
        if blob.is_empty() {
            return Err(short());
        }
        Ok(Self { key, blob })
    }

    /// The bytes to store.
    pub(crate) fn assemble(self, kind: Kind) -> Result<Wrapped, Error> {
        let length = u16::try_from(self.key.len())
            .ok()
            .filter(|length| usize::from(*length) <= NAME)
            .ok_or(Error::Malformed("the key's name is too long"))?;
        let mut bytes = Vec::with_capacity(3 + self.key.len() + self.blob.len());
        bytes.push(kind as u8);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.extend_from_slice(self.blob);
        Wrapped::from_bytes(bytes)
    }
}

/// Bytes that another kind of key source wrapped; the first byte says which.
pub(crate) fn unknown(first: u8) -> Error {
    let of = match first {
        1 => "of a key file or variable",
        2 => "of a transit engine",
        3 => "of AWS KMS",
        _ => return Error::Malformed("their kind is unknown"),
    };
    Error::UnknownWrappingKey(of.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_assembled_reads_the_same() {
        let noted = Noted { key: "transit/hub", blob: b"vault:v1:AAAA" };
        let wrapped = noted.assemble(Kind::Transit).unwrap();
        assert_eq!(Noted::read(Kind::Transit, &wrapped).unwrap(), noted);
        #[cfg(feature = "aws-kms")]
        assert!(Noted::read(Kind::Kms, &wrapped).is_err());
    }

    #[test]
    fn every_cut_is_refused() {
        let noted = Noted { key: "transit/hub", blob: b"x" };
        let whole = noted.assemble(Kind::Transit).unwrap();
        for length in 1..whole.as_bytes().len() {
            let cut = Wrapped::from_bytes(whole.as_bytes()[..length].to_vec()).unwrap();
            assert!(Noted::read(Kind::Transit, &cut).is_err(), "{length} bytes");
        }
    }
}
