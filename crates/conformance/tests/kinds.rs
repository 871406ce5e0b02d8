//! The suite over providers of the kinds that no connector here has yet.

/// All checks, for a provider in this folder.
macro_rules! passes {
    ($kind:ident: $($check:ident)*) => {
        mod $kind {
            use std::sync::Arc;

            use conformance::{Subject, checks};
            use connector::{Declarative, Manifest};

            fn subject() -> Subject {
                let text = include_str!(concat!(stringify!($kind), "/provider.toml"));
                let manifest = Manifest::parse(text).expect("it is sound");
                let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/", stringify!($kind));
                Subject::new(Arc::new(Declarative::new(manifest)), folder)
            }

            $(
                #[tokio::test]
                async fn $check() {
                    checks::$check(&subject()).await;
                }
            )*
        }
    };
}

passes! { keyed:
    the_manifest_is_sound
    the_fixtures_are_complete
    the_account_is_identified
    scopes_are_told_and_narrowed_truly
    nothing_secret_leaks
}

passes! { machine:
    the_manifest_is_sound
    the_fixtures_are_complete
    a_code_is_exchanged_as_declared
    errors_mean_what_they_mean
    the_account_is_identified
    scopes_are_told_and_narrowed_truly
    a_grant_is_ended_as_declared
    nothing_secret_leaks
}
