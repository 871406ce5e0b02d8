//! The shared suite, over the fixtures.

conformance::suite!(jira::connector());
