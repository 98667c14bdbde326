//! `hosts.toml` as it is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// The fields of [`Table`] at the root are for the server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) server: Option<String>,
    #[serde(default)]
    pub(super) host: Hosts,
    pub(super) capabilities: Option<Vec<String>>,
    pub(super) ca: Option<Texts>,
    pub(super) client: Option<Pairs>,
    pub(super) skip_verify: Option<bool>,
    #[serde(default)]
    pub(super) header: BTreeMap<String, Texts>,
    pub(super) override_path: Option<bool>,
    pub(super) dial_timeout: Option<String>,
}

/// The tables `[host."URL"]` in the order of the file.
#[derive(Default)]
pub(super) struct Hosts(pub(super) Vec<(String, Table)>);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Table {
    pub(super) capabilities: Option<Vec<String>>,
    pub(super) ca: Option<Texts>,
    pub(super) client: Option<Pairs>,
    pub(super) skip_verify: bool,
    pub(super) header: BTreeMap<String, Texts>,
    pub(super) override_path: bool,
    pub(super) dial_timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a string or a list of strings")]
pub(super) enum Texts {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a path, a list of paths, or a list of pairs of paths"
)]
pub(super) enum Pairs {
    One(String),
    Several(Vec<Pair>),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Pair {
    Both(String),
    Separate((String, String)),
}

impl Texts {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Hosts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tables `[host.\"URL\"]`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hosts, A::Error> {
                let mut hosts: Vec<(Spanned<String>, Table)> = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    hosts.push(entry);
                }
                // The map is sorted by name; what counts is the place in the file.
                hosts.sort_by_key(|(url, _)| url.span().start);
                Ok(Hosts(
                    hosts
                        .into_iter()
                        .map(|(url, table)| (url.into_inner(), table))
                        .collect(),
                ))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
