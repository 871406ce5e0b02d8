//! The shared suite, over the fixtures.

conformance::suite!(square::connector());
