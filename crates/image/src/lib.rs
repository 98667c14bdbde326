//! Container images of countersign's programs, written without a daemon, the same bytes each time.
//!
//! [`Program`] reads what a program needs of its machine, [`Debian`] finds that in the installed packages, [`Image`] makes layers,
//! configuration and manifest of both, and [`Layout`] is the folder of the OCI image layout and the archive of it.
//! Nothing in an image depends on the clock, the user, the order of a folder or the machine's own certificates: only on the
//! programs, on three packages of Debian, and on what [`About`] tells.

mod about;
mod arguments;
mod debian;
mod image;
mod layer;
mod layout;
mod program;
mod written;

pub use about::About;
pub use arguments::Arguments;
pub use debian::{Debian, PACKAGES};
pub use image::{Image, USER};
pub use layout::Layout;
pub use program::{Machine, Program};
pub use written::{Digested, Written, write};
