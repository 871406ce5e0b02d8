//! The shared suite, over the fixtures.

conformance::suite!(notion::connector());
