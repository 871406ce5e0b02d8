//! The shared suite, over the fixtures.

conformance::suite!(freshdesk::connector());
