//! The shared suite, over the fixtures.

conformance::suite!(help_scout::connector());
