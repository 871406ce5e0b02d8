//! The shared suite, over the fixtures.

conformance::suite!(linear::connector());
