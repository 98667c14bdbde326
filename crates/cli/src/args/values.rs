//! Where values of Helm name images.

use std::str::FromStr;

/// `image.repository/tag/digest`: the keys of one mapping that together name an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValuesPath {
    /// The keys that lead to the mapping.
    pub(crate) mapping: Vec<String>,
    pub(crate) registry: Option<String>,
    pub(crate) repository: String,
    pub(crate) tag: String,
    pub(crate) digest: String,
}

impl FromStr for ValuesPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected PATH.REPOSITORY/TAG/DIGEST, such as image.repository/tag/digest, or with a registry before it, such as \
                             image.registry/repository/tag/digest";
        let mut keys: Vec<String> = text.split('/').map(str::to_owned).collect();
        let first = keys.first_mut().ok_or(WRONG)?;
        let mut mapping: Vec<String> = first.split('.').map(str::to_owned).collect();
        *first = mapping.pop().ok_or(WRONG)?;
        if mapping.iter().chain(&keys).any(String::is_empty) {
            return Err(WRONG);
        }
        let registry = match keys.len() {
            4 => Some(keys.remove(0)),
            _ => None,
        };
        let [repository, tag, digest] = <[String; 3]>::try_from(keys).map_err(|_| WRONG)?;
        Ok(Self {
            mapping,
            registry,
            repository,
            tag,
            digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_named_by_a_mapping_and_its_keys() {
        let read = |text: &str| {
            ValuesPath::from_str(text).map(|it| {
                let keys = [it.repository, it.tag, it.digest].join(" ");
                (it.mapping.join(" "), it.registry, keys)
            })
        };
        let found = |mapping: &str, registry: Option<&str>, keys: &str| {
            Ok((
                mapping.to_owned(),
                registry.map(str::to_owned),
                keys.to_owned(),
            ))
        };
        assert_eq!(
            read("image.repository/tag/digest"),
            found("image", None, "repository tag digest")
        );
        assert_eq!(
            read("a.b.registry/repo/version/sha"),
            found("a b", Some("registry"), "repo version sha")
        );
        assert_eq!(
            read("repository/tag/digest"),
            found("", None, "repository tag digest")
        );
        for wrong in [
            "",
            "image",
            "image.repository/tag",
            "a..b/c/d",
            "a/b//d",
            "a/b/c/d/e",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
