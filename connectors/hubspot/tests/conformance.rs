//! The shared suite, over the fixtures.

conformance::suite!(hubspot::connector());
