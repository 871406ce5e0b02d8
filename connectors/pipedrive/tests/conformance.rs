//! The shared suite, over the fixtures.

conformance::suite!(pipedrive::connector());
