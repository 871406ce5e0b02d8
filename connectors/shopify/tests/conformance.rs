//! The shared suite, over the fixtures.

conformance::suite!(shopify::connector());
