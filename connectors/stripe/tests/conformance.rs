//! The shared suite, over the fixtures.

conformance::suite!(stripe::connector());
