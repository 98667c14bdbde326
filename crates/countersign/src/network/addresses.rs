//! Which addresses may be connected to: a registry that points to the machine itself, or to the metadata service of a cloud,
//! must not be followed there (server-side request forgery).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What an address that is not simply public is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Special {
    /// The machine itself: `127.0.0.0/8`, `::1`.
    Loopback,
    /// The machine's neighbours: `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// An organisation's own network: RFC 1918, RFC 4193, and RFC 6598 (shared).
    Private,
    /// Where clouds hand out credentials to machines.
    Metadata,
    /// No single host at all, or reserved: unspecified, multicast, broadcast, tunnels.
    Reserved,
}

/// Addresses that clouds use for machine credentials, beside what lies in the ranges that are special anyway.
const METADATA_V4: [Ipv4Addr; 5] = [
    // AWS, Azure, GCP, OpenStack, …
    Ipv4Addr::new(169, 254, 169, 254),
    // AWS: credentials of tasks, and of pods
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    // Alibaba Cloud
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure's wire server
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    // AWS: instances, and pods
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    // GCP
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Which special addresses a host may have. Every other address is free to every host.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Allowed {
    kinds: BTreeSet<Special>,
    networks: BTreeSet<IpNet>,
    everything: bool,
}

impl Special {
    const fn why(self) -> &'static str {
        match self {
            Self::Loopback => "it is this machine itself",
            Self::LinkLocal => "it is link-local",
            Self::Private => "it is private",
            Self::Metadata => "it is where clouds hand out a machine's credentials",
            Self::Reserved => "it is no address of one host",
        }
    }

    /// The name that the configuration has for it; the reserved ones have none: who means one writes its network.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::Metadata => "metadata",
            Self::Reserved => "reserved",
        }
    }
}

impl Allowed {
    /// No address is refused: for hosts that only an operator can name.
    pub(crate) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, kinds: impl IntoIterator<Item = Special>) -> Self {
        self.kinds.extend(kinds);
        self
    }

    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.kinds.extend(&other.kinds);
        self.networks.extend(&other.networks);
        self.everything |= other.everything;
        self
    }

    /// Adds what a configuration names: `loopback`, `link-local`, `private`, `metadata`, or a network in CIDR form.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let kind = [
            Special::Loopback,
            Special::LinkLocal,
            Special::Private,
            Special::Metadata,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text);
        match kind {
            Some(kind) => {
                self.kinds.insert(kind);
            }
            None => {
                let network: IpNet = text
                    .parse()
                    .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| {
                        "neither loopback, link-local, private, metadata, nor a network such as 10.1.0.0/16".to_owned()
                    })?;
                self.networks.insert(network.trunc());
            }
        }
        Ok(())
    }

    /// Why this address is refused, if it is. An IPv6 address that stands for an IPv4 one has to pass as both.
    pub(crate) fn refuses(&self, address: IpAddr) -> Option<&'static str> {
        if self.everything || self.networks.iter().any(|it| it.contains(&address)) {
            return None;
        }
        if let IpAddr::V6(v6) = address
            && let Some(inner) = embedded(v6)
        {
            return self.refuses(IpAddr::V4(inner));
        }
        let kind = special(address)?;
        (!self.kinds.contains(&kind)).then_some(kind.why())
    }
}

/// What an address is for, if it is special.
fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    let [a, b, ..] = address.octets();
    if METADATA_V4.contains(&address) {
        return Some(Special::Metadata);
    }
    Some(match (a, b) {
        (127, _) => Special::Loopback,
        (169, 254) => Special::LinkLocal,
        (10, _) | (172, 16..=31) | (192, 168) | (100, 64..=127) => Special::Private,
        // "This network", protocol assignments, benchmarks, multicast, reserved and broadcast (RFC 6890).
        (0, _) | (198, 18..=19) | (224.., _) => Special::Reserved,
        (192, 0) if address.octets()[2] == 0 => Special::Reserved,
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    let segments = address.segments();
    if METADATA_V6.contains(&address) {
        return Some(Special::Metadata);
    }
    if address == Ipv6Addr::LOCALHOST {
        return Some(Special::Loopback);
    }
    Some(match segments[0] {
        0xfe80..=0xfebf => Special::LinkLocal,
        0xfc00..=0xfdff => Special::Private,
        0xff00.. => Special::Reserved,
        // Site-local: deprecated, and as private as it was.
        0xfec0..=0xfeff => Special::Private,
        // All of ::/8 but the translations: unspecified, IPv4-compatible, discard, …
        0..=0xff => Special::Reserved,
        // Teredo and ORCHID hide where they lead.
        0x2001 if segments[1] < 0x30 => Special::Reserved,
        _ => return None,
    })
}

/// The IPv4 address that an IPv6 one leads to: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056). The translations that
/// cannot be read are reserved.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let last = [segments[6], segments[7]];
    let [high, low] = match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => last,
        [0x2002, high, low, ..] => [high, low],
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SPECIAL: [(&str, Special); 34] = [
        ("127.0.0.1", Special::Loopback),
        ("127.255.0.3", Special::Loopback),
        ("::1", Special::Loopback),
        ("::ffff:127.0.0.1", Special::Loopback),
        ("64:ff9b::127.0.0.1", Special::Loopback),
        ("2002:7f00:1::", Special::Loopback),
        ("169.254.1.1", Special::LinkLocal),
        ("fe80::1", Special::LinkLocal),
        ("febf::1", Special::LinkLocal),
        ("10.0.0.1", Special::Private),
        ("172.16.0.1", Special::Private),
        ("172.31.255.255", Special::Private),
        ("192.168.1.1", Special::Private),
        ("100.64.0.1", Special::Private),
        ("fc00::1", Special::Private),
        ("fd12::1", Special::Private),
        ("64:ff9b::10.0.0.1", Special::Private),
        ("169.254.169.254", Special::Metadata),
        ("169.254.170.2", Special::Metadata),
        ("::ffff:169.254.169.254", Special::Metadata),
        ("64:ff9b::a9fe:a9fe", Special::Metadata),
        ("2002:a9fe:a9fe::1", Special::Metadata),
        ("fd00:ec2::254", Special::Metadata),
        ("100.100.100.200", Special::Metadata),
        ("0.0.0.0", Special::Reserved),
        ("0.1.2.3", Special::Reserved),
        ("255.255.255.255", Special::Reserved),
        ("224.0.0.1", Special::Reserved),
        ("240.0.0.1", Special::Reserved),
        ("::", Special::Reserved),
        ("::7f00:1", Special::Reserved),
        ("64:ff9b:1::7f00:1", Special::Reserved),
        ("ff02::1", Special::Reserved),
        ("2001:0:1::1", Special::Reserved),
    ];

    #[test]
    fn special_addresses_are_refused_unless_their_kind_is_allowed() {
        for (text, kind) in SPECIAL {
            let address: IpAddr = text.parse().unwrap();
            assert!(Allowed::default().refuses(address).is_some(), "{text}");
            let allowed = Allowed::default().with([kind]);
            assert_eq!(allowed.refuses(address), None, "{text}");
            let others = [
                Special::Loopback,
                Special::LinkLocal,
                Special::Private,
                Special::Metadata,
                Special::Reserved,
            ];
            let others = Allowed::default().with(others.into_iter().filter(|it| *it != kind));
            assert!(others.refuses(address).is_some(), "{text}");
            assert_eq!(Allowed::everything().refuses(address), None, "{text}");
        }
    }

    #[test]
    fn public_addresses_are_free() {
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "172.15.0.1",
            "100.128.0.1",
            "192.0.2.1",
            "192.169.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
            "2001:4860::1",
        ] {
            assert_eq!(
                Allowed::default().refuses(text.parse().unwrap()),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_configuration_names_is_allowed_and_nothing_beside_it() {
        let mut allowed = Allowed::default();
        for text in ["127.0.0.2", "10.1.2.3/16", "link-local"] {
            allowed.add(text).unwrap();
        }
        for (text, ok) in [
            ("127.0.0.2", true),
            ("::ffff:127.0.0.2", true),
            ("127.0.0.1", false),
            ("10.1.255.255", true),
            ("10.2.0.1", false),
            ("fe80::1", true),
            ("169.254.169.254", false),
        ] {
            assert_eq!(
                allowed.refuses(text.parse().unwrap()).is_none(),
                ok,
                "{text}"
            );
        }
        for text in ["", "localhost", "10.0.0.0/33", "reserved", "Private"] {
            assert!(Allowed::default().add(text).is_err(), "{text}");
        }
    }
}
