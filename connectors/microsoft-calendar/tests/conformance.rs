//! The shared suite, over the fixtures.

conformance::suite!(microsoft_calendar::connector());
