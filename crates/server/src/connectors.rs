//! The connectors that are compiled in: one line each, sorted.

use std::sync::Arc;

use connector::Connector;

/// Every built-in connector.
#[rustfmt::skip]
pub(crate) fn all() -> Vec<Arc<dyn Connector>> {
    vec![
        acme::connector(),
        attio::connector(),
        cal_com::connector(),
        calendly::connector(),
        close::connector(),
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
        stripe::connector(),
        woocommerce::connector(),
        zendesk::connector(),
        zoho_crm::connector(),
    ]
}
