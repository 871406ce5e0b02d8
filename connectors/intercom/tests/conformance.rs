//! The shared suite, over the fixtures.

conformance::suite!(intercom::connector());
