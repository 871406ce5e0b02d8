//! Where a sealed value lives.

/// The place of a value. All of it is authenticated: a value opens here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The tenant, or `system`.
    pub workspace: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub field: &'a str,
    /// Which version of the value.
    pub generation: u64,
}

impl Place<'_> {
    /// The bytes to authenticate: every part with its length before it, so that no two places give
    /// the same bytes.
    pub(crate) fn aad(&self, version: u8) -> Vec<u8> {
        let parts = [self.workspace, self.row, self.field];
        let size = parts.iter().map(|part| part.len() + 8).sum::<usize>();
        let mut aad = Vec::with_capacity(size + 9);
        aad.push(version);
        for part in parts {
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part.as_bytes());
        }
        aad.extend_from_slice(&self.generation.to_be_bytes());
        aad
    }
}
