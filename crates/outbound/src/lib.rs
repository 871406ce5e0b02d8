//! The only HTTP client: SSRF guard, limits, no redirects
