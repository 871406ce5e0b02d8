//! The shared suite, over the fixtures.

conformance::suite!(copper::connector());
