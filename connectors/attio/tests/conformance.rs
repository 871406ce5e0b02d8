//! The shared suite, over the fixtures.

conformance::suite!(attio::connector());
