//! The shared suite, over the fixtures.

conformance::suite!(acme::connector());
