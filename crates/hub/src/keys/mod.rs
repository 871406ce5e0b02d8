//! The vault's keys follow one another: what a former one sealed is sealed anew, while the hub runs.
//!
//! Everything here can be stopped at any point and be done by several processes at once: a value is
//! replaced only where it still is what was read, and what is left to do is found in the rows themselves.

mod course;
mod destroy;
mod reseal;
mod rewrap;
mod rotate;
mod run;
mod status;
mod tend;

pub use course::{Course, Pace, Progress, STOPPED};
pub use destroy::destroy;
pub use reseal::columns;
pub use rewrap::{Rewrapping, rewrap};
pub use rotate::{Rotation, rotate};
pub use run::{Run, rotate_all};
pub use status::{KEPT_FOR, Kept, KeyStatus, Status, status};
pub use tend::{follow, tidy};
