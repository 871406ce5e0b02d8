//! The shared suite, over the fixtures.

conformance::suite!(cal_com::connector());
