//! The shared suite, over the fixtures.

conformance::suite!(bigcommerce::connector());
