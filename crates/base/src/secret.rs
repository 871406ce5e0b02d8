//! Secrets that do not print themselves.

pub use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Does not compile where the type implements one of the traits: for types of secrets, which nobody shall
/// print, write or copy by accident. `base::lacks!(Token: Debug, Clone);`
#[macro_export]
macro_rules! lacks {
    ($type:ty: $($trait:path),+ $(,)?) => {
        $(const _: () = {
            // Where the type has the trait, both fit, and the compiler can't tell which is meant.
            trait Lacks<Which> {
                const IT: () = ();
            }
            impl<T: ?Sized> Lacks<()> for T {}
            impl<T: ?Sized + $trait> Lacks<u8> for T {}
            <$type as Lacks<_>>::IT
        };)+
    };
}

crate::lacks!(SecretString: std::fmt::Display);

/// Whether two secrets are equal, in time that depends on their length only.
///
/// Every comparison of keys, codes, states and digests goes through here.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
