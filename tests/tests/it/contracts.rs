//! Each action's requests, against the vendor's own description of its API: docs/contracts.md.

use std::{path::Path, process::Command};

use crate::harness::environment;

/// The folder of descriptions, beside the repository; it is not part of it. What vendors' packages describe is fetched
/// with what else the tests need.
const SPECS: &str = "../shared/specs";

/// Whether the vendor's description accepts what our connector sends, and refuses what is wrong on purpose.
fn accepts(vendor: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = environment::required("OIDC_PROVIDER").with_file_name("contracts.mjs");
    let run = Command::new("node")
        .arg(script)
        .args([root.join(SPECS), root.join("connectors")])
        .arg(vendor)
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&run.stdout);
    match run.status.code() {
        Some(0) => {}
        Some(3) => println!("{said}"),
        _ => panic!("{said}{}", String::from_utf8_lossy(&run.stderr)),
    }
}

#[test]
fn shopify_accepts_what_each_action_sends() {
    accepts("shopify");
}

#[test]
fn google_calendar_accepts_what_each_action_sends() {
    accepts("google-calendar");
}

#[test]
fn intercom_accepts_what_each_action_sends() {
    accepts("intercom");
}

#[test]
fn hubspot_accepts_what_each_action_sends() {
    accepts("hubspot");
}

#[test]
fn salesforce_accepts_what_each_action_sends() {
    accepts("salesforce");
}

#[test]
fn pipedrive_accepts_what_each_action_sends() {
    accepts("pipedrive");
}

#[test]
fn zoho_crm_accepts_what_each_action_sends() {
    accepts("zoho-crm");
}

#[test]
fn microsoft_calendar_accepts_what_each_action_sends() {
    accepts("microsoft-calendar");
}

#[test]
fn cal_com_accepts_what_each_action_sends() {
    accepts("cal-com");
}

#[test]
fn freshdesk_accepts_what_each_action_sends() {
    accepts("freshdesk");
}

#[test]
fn stripe_accepts_what_each_action_sends() {
    accepts("stripe");
}

#[test]
fn woocommerce_accepts_what_each_action_sends() {
    accepts("woocommerce");
}

#[test]
fn square_accepts_what_each_action_sends() {
    accepts("square");
}

#[test]
fn bigcommerce_accepts_what_each_action_sends() {
    accepts("bigcommerce");
}
