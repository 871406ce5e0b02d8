//! Named points at which fault tests stop or kill the process; nothing in an ordinary build.

#[cfg(feature = "failpoints")]
macro_rules! point {
    ($name:literal) => {
        fail::fail_point!($name)
    };
}

#[cfg(not(feature = "failpoints"))]
macro_rules! point {
    ($name:literal) => {};
}

pub(crate) use point;
