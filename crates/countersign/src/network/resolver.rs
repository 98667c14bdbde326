//! Names into addresses, without those that must not be connected to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Allowed;

/// Resolves as the system does, and leaves out what is not allowed: whatever a name leads to at the moment of connecting is
/// what was checked, so that an answer that changes (DNS rebinding) gains nothing.
#[derive(Debug, Clone)]
pub(crate) struct Filter(pub(crate) Allowed);

/// Every address of a name is refused; this is one of them.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) address: IpAddr,
    pub(crate) why: &'static str,
}

impl Resolve for Filter {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Addrs = Box::new(permitted(&allowed, found)?.into_iter());
            Ok(addresses)
        })
    }
}

fn permitted(
    allowed: &Allowed,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, Refused> {
    let mut refused = None;
    let mut kept = Vec::new();
    for address in found {
        match allowed.refuses(address.ip()) {
            None => kept.push(address),
            Some(why) => {
                refused.get_or_insert(Refused {
                    address: address.ip(),
                    why,
                });
            }
        }
    }
    match refused {
        Some(refused) if kept.is_empty() => Err(refused),
        _ => Ok(kept),
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the address {} is refused: {}", self.address, self.why)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_with_good_and_bad_addresses_has_the_good_ones() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts
                .iter()
                .map(|it| SocketAddr::new(it.parse().unwrap(), 0))
                .collect()
        };
        let mixed = addresses(&["127.0.0.1", "1.1.1.1", "169.254.169.254"]);
        let kept = permitted(&Allowed::default(), mixed.into_iter()).unwrap();
        assert_eq!(kept, addresses(&["1.1.1.1"]));
        let bad = addresses(&["127.0.0.1", "169.254.169.254"]);
        let refused = permitted(&Allowed::default(), bad.into_iter()).unwrap_err();
        assert_eq!(refused.address.to_string(), "127.0.0.1");
    }
}
