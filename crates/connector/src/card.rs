//! What lists say of a provider.

/// What a list says of a provider. Known without reading its manifest, so that a list of hundreds is quick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card<'a> {
    /// The name in URLs.
    pub slug: &'a str,
    /// The name for people.
    pub display_name: &'a str,
    /// `crm`, `calendar`, …
    pub category: &'a str,
}
