//! The shared suite, over the fixtures.

conformance::suite!(calendly::connector());
