//! The product without an HTTP server: one room per noun
