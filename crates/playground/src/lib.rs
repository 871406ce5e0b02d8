//! Acme: a small real provider for the demo and the tests
