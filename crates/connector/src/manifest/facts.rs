//! How well a manifest's facts are known.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where the facts are from, and when somebody looked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// How far they can be trusted.
    pub confidence: Confidence,
    /// The day on which they were compared with their sources, `YYYY-MM-DD`.
    pub checked: String,
}

/// How far facts can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Independent sources give the same.
    Agreed,
    /// The vendor says so.
    Vendor,
    /// One source says so, and it is not the vendor.
    Single,
}

#[cfg(test)]
mod tests {
    use crate::{Manifest, manifest::Confidence};

    fn with(facts: &str) -> Result<Manifest, crate::ManifestError> {
        Manifest::parse(&format!(
            "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
             issuer = \"https://x.example\"\n[facts]\n{facts}"
        ))
    }

    #[test]
    fn they_say_how_far_they_can_be_trusted_and_when_they_were_checked() {
        let known = with("confidence = \"agreed\"\nchecked = \"2026-11-25\"\n").unwrap();
        assert_eq!(known.facts.unwrap().confidence, Confidence::Agreed);
        let refused = |facts: &str| with(facts).unwrap_err().to_string();
        let error = refused("confidence = \"agreed\"\nchecked = \"last week\"\n");
        assert!(error.contains("facts.checked"), "{error}");
        assert!(refused("confidence = \"sure\"\nchecked = \"2026-11-25\"\n").contains("sure"));
        assert!(refused("confidence = \"agreed\"\n").contains("checked"));
    }
}
