//! The shared suite, over the fixtures.

conformance::suite!(close::connector());
