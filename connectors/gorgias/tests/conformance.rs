//! The shared suite, over the fixtures.

conformance::suite!(gorgias::connector());
