//! The shared suite, over the fixtures.

conformance::suite!(google_calendar::connector());
