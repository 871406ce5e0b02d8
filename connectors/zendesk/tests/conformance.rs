//! The shared suite, over the fixtures.

conformance::suite!(zendesk::connector());
