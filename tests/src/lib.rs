//! Black-box tests: they run the real binary and know nothing of its inside.
//!
//! All is in `tests/it`: its `harness` starts the hub, its databases and the providers, and acts as
//! people's browsers, as a platform and as agents. What we did not write is in `support`.
