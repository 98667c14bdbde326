//! Which of the services that are listed are asked (`SigningConfig`, comments on `ca_urls` and `ServiceSelector`).

use std::collections::BTreeSet;

use countersign::ServiceUrl;
use countersign_core::UnixTime;

use super::{Selector, Service, ServiceKind, SigningConfigError};

/// A service that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) url: ServiceUrl,
    pub(crate) version: u32,
}

/// The service with the highest supported version, and of those that are valid now the one whose validity began last.
pub(crate) fn one(
    kind: ServiceKind,
    services: &[Service],
    now: UnixTime,
) -> Result<Chosen, SigningConfigError> {
    let usable = usable(kind, services, now)?;
    Ok(chosen(usable[0]))
}

/// As many services as the selector wants, all of the highest supported version that is valid now, and each of another operator.
pub(crate) fn several(
    kind: ServiceKind,
    services: &[Service],
    selector: Selector,
    now: UnixTime,
) -> Result<Vec<Chosen>, SigningConfigError> {
    let mut usable = usable(kind, services, now)?;
    let mut operators = BTreeSet::new();
    // Of one operator the newest. Whoever does not say who runs a service cannot say that somebody else does.
    usable.retain(|service| operators.insert(service.operator.as_str()));
    let wanted = match selector {
        Selector::All => usable.len(),
        Selector::Any => 1,
        Selector::Exact(count) => count,
    };
    if wanted > usable.len() {
        return Err(SigningConfigError::TooFew {
            kind,
            wanted,
            found: usable.len(),
            now,
        });
    }
    Ok(usable.into_iter().take(wanted).map(chosen).collect())
}

/// The services of the highest supported version that are valid now, newest first; never empty.
fn usable(
    kind: ServiceKind,
    services: &[Service],
    now: UnixTime,
) -> Result<Vec<&Service>, SigningConfigError> {
    if services.is_empty() {
        return Err(SigningConfigError::NoneListed { kind });
    }
    for version in kind.supported() {
        let mut found: Vec<&Service> = services
            .iter()
            .filter(|service| service.version == *version && service.valid_at(now))
            .collect();
        // Stable: of two that began at once, the one that is listed first.
        found.sort_by_key(|service| std::cmp::Reverse(service.start));
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let supported: Vec<String> = kind.supported().iter().map(u32::to_string).collect();
    Err(SigningConfigError::NoneUsable {
        kind,
        listed: services.len(),
        supported: supported.join(", "),
        now,
    })
}

fn chosen(service: &Service) -> Chosen {
    Chosen {
        url: service.url.clone(),
        version: service.version,
    }
}
