//! The shared suite, over the fixtures.

conformance::suite!(front::connector());
