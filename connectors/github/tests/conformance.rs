//! The shared suite, over the fixtures.

conformance::suite!(github::connector());
