//! How each registry is reached: what an operator configures.

mod addresses;
mod connection;
mod files;
mod hosts_toml;
mod mirror;
mod pattern;
mod proxies;
mod registries;
mod resolver;
mod yaml;

pub(crate) use self::addresses::{Allowed, Special};
pub(crate) use self::connection::{Connection, certificates};
pub(crate) use self::mirror::{Ability, Mirror};
pub use self::proxies::Proxies;
pub use self::registries::{Registries, RegistryHost};
pub(crate) use self::resolver::{Filter, Refused};
