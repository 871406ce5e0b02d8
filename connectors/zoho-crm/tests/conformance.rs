//! The shared suite, over the fixtures.

conformance::suite!(zoho_crm::connector());
