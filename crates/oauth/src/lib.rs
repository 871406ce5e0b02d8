//! The OAuth engine: authorize, exchange, refresh, revoke, driven by manifests; stores nothing
