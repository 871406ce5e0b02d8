//! Any standard OpenID Connect server, linked by giving its issuer
