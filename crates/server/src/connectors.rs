//! The connectors that are compiled in: one line each, sorted, and with them the catalogue.

use std::sync::Arc;

use connector::Connector;

/// Every built-in connector.
pub(crate) fn all() -> Vec<Arc<dyn Connector>> {
    crates().into_iter().chain(catalogue::connectors()).collect()
}

/// Those with a crate of their own.
#[rustfmt::skip]
fn crates() -> Vec<Arc<dyn Connector>> {
    vec![
        acme::connector(),
        attio::connector(),
        bigcommerce::connector(),
        cal_com::connector(),
        calendly::connector(),
        close::connector(),
        copper::connector(),
        freshdesk::connector(),
        front::connector(),
        generic_oidc::connector(),
        github::connector(),
        google_calendar::connector(),
        gorgias::connector(),
        help_scout::connector(),
        hubspot::connector(),
        intercom::connector(),
        jira::connector(),
        linear::connector(),
        microsoft_calendar::connector(),
        notion::connector(),
        pipedrive::connector(),
        salesforce::connector(),
        shopify::connector(),
        slack::connector(),
        square::connector(),
        stripe::connector(),
        woocommerce::connector(),
        zendesk::connector(),
        zoho_crm::connector(),
    ]
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

    use super::*;

    /// The list of pages in docs/connectors, by category.
    fn index() -> String {
        let mut all = crates();
        all.sort_by_key(|connector| {
            let manifest = connector.manifest();
            (manifest.category.clone(), manifest.display_name.to_lowercase())
        });
        let mut page = String::from(
            "# Connectors\n\nProviders with a crate of their own. [Adding one](../adding-a-connector.md) tells how.\n\n\
             | connector | category | actions |\n| --- | --- | --- |\n",
        );
        for connector in all {
            let manifest = connector.manifest();
            let actions = manifest.actions.len();
            let _ = writeln!(
                page,
                "| [{}]({}.md) | {} | {actions} |",
                manifest.display_name, manifest.slug, manifest.category
            );
        }
        page
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a developer's switch, of tests alone")]
    fn the_docs_list_every_connector_and_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connectors");
        let list = folder.join("README.md");
        if std::env::var_os("CONFORMANCE_WRITE").is_some() {
            fs::write(&list, index()).unwrap();
            return;
        }
        let files = fs::read_dir(&folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let pages: BTreeSet<_> = names.filter(|name| name != "README.md").collect();
        let expected: BTreeSet<_> =
            crates().iter().map(|connector| format!("{}.md", connector.manifest().slug)).collect();
        assert_eq!(pages, expected, "a page for each connector");
        assert!(
            fs::read_to_string(&list).unwrap() == index(),
            "docs/connectors/README.md is out of date: CONFORMANCE_WRITE=1 cargo test -p server --lib the_docs_list"
        );
    }
}
