//! The shared suite, over the fixtures.

conformance::suite!(salesforce::connector());
