//! The shared suite, over the fixtures.

conformance::suite!(woocommerce::connector());
