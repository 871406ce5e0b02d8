//! Acme, the playground provider: the template for every connector
