//! How each registry is reached: what an operator configures.

mod addresses;
mod connection;
mod proxies;
mod resolver;

pub(crate) use self::addresses::{Allowed, Special};
pub(crate) use self::connection::{Connection, certificates};
pub use self::proxies::Proxies;
pub(crate) use self::resolver::{Filter, Refused};
