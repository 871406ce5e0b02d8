//! The shared suite, over the fixtures.

conformance::suite!(generic_oidc::connector());
