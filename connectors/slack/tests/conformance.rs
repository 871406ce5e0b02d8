//! The shared suite, over the fixtures.

conformance::suite!(slack::connector());
