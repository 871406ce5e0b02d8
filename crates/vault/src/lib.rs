//! Envelope encryption and key sources; the only crate that touches AES
