//! The providers, and the moment, that targets play with.

use std::sync::{Arc, OnceLock};

use base::Timestamp;
use connector::{Connector, Declarative, Manifest};

/// When it is.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// Every connector, in an order that the corpus counts on: new ones stand at the end.
pub(crate) fn all() -> &'static [Arc<dyn Connector>] {
    static ALL: OnceLock<Vec<Arc<dyn Connector>>> = OnceLock::new();
    ALL.get_or_init(|| {
        vec![
            acme::connector(),
            attio::connector(),
            calendly::connector(),
            close::connector(),
            generic_oidc::connector(),
            google_calendar::connector(),
            hubspot::connector(),
            intercom::connector(),
            linear::connector(),
            notion::connector(),
            pipedrive::connector(),
            shopify::connector(),
            slack::connector(),
            zendesk::connector(),
            salesforce::connector(),
            stripe::connector(),
            woocommerce::connector(),
            microsoft_calendar::connector(),
            zoho_crm::connector(),
            cal_com::connector(),
            jira::connector(),
            github::connector(),
            freshdesk::connector(),
            front::connector(),
            help_scout::connector(),
            gorgias::connector(),
            square::connector(),
            bigcommerce::connector(),
            copper::connector(),
            made_up(),
        ]
    })
}

/// A provider that uses whatever a manifest can say of replies.
fn made_up() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(
        r#"
        slug = "x"
        display_name = "X"
        category = "crm"
        auth.kind = "oauth2_code"
        issuer = "https://x.example"
        token.capture = { c = "c", d = "d.0.e" }
        lifetime = { access_s = 3155760000, refresh_s = 1 }
        errors.dead = [{ path = "err.code", equals = "17" }, { status = 401, path = "why", matches = "(?i)gone" }]
        errors.transient = [{ status = 400, path = "error_description", matches = "again" }]
        errors.config = [{ path = "app_missing" }]
        [token.reply]
        access = ["data.access", "access_token"]
        refresh = ["data.refresh", "refresh_token"]
        expires_at = ["at", "data.at"]
        expires_in = ["in"]
        refresh_expires_in = ["rin"]
        expires_unit = "milliseconds"
        error_path = "err.code"
        scope = ["scopes", "scope"]
        scope_separator = ";"
        "#,
    );
    Arc::new(Declarative::new(manifest.expect("a sound manifest")))
}

/// Which of `count` a byte chooses: `a` is the first.
pub(crate) fn choice(byte: u8, count: usize) -> usize {
    usize::from(byte.wrapping_sub(b'a')) % count
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The crates whose connectors a list of ours names, one a line.
    fn listed(code: &str) -> BTreeSet<&str> {
        code.lines().filter_map(|line| line.trim().strip_suffix("::connector(),")).collect()
    }

    #[test]
    fn no_connector_of_the_hub_is_forgotten() {
        let hub = listed(include_str!("../../crates/server/src/connectors.rs"));
        assert!(hub.len() > 10, "the hub's list is not read: {hub:?}");
        assert_eq!(listed(include_str!("providers.rs")), hub, "put the new one before made_up()");
    }
}
