//! Files of kind `Registries`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::{Registries, RegistryHost, files};
use crate::RegistryError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    registries: Vec<Entry>,
    hosts_dir: Option<Spanned<String>>,
    #[serde(default)]
    evidence: Vec<Spanned<Evidence>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    host: Spanned<String>,
    #[serde(default)]
    plain_http: bool,
    ca_file: Option<Spanned<String>>,
    client_certificate: Option<Spanned<ClientCertificate>>,
    proxy: Option<Spanned<String>>,
    #[serde(default)]
    mirrors: Vec<Spanned<WireMirror>>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClientCertificate {
    cert_file: String,
    key_file: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Evidence {
    images: String,
    repository: String,
}

/// A URL, or a mapping with `url` and `resolve`.
struct WireMirror {
    url: String,
    resolve: bool,
}

/// Reads a file's text; the files that it names are relative to `path`.
pub(super) fn read(text: &str, path: &Path) -> Result<Registries, RegistryError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
    };
    let source = Source { path };
    let document: Document =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let at = error.location();
            source.broken(at, error.without_snippet().to_string())
        })?;
    source.expect(
        &document.api_version,
        "apiVersion",
        "countersign.dev/v1alpha1",
    )?;
    source.expect(&document.kind, "kind", "Registries")?;
    let mut registries = Registries::new();
    if let Some(folder) = document.spec.hosts_dir {
        registries = registries.hosts_dir(&source.beside(&folder.value))?;
    }
    for entry in document.spec.registries {
        let at = entry.host.defined;
        let host = entry.host.value.clone();
        let entry = source.entry(entry)?;
        registries = source.at(at, registries.host(&host, entry))?;
    }
    for Spanned { value, defined, .. } in document.spec.evidence {
        let added = registries.evidence(&value.images, &value.repository);
        registries = source.at(defined, added)?;
    }
    Ok(registries)
}

struct Source<'a> {
    path: &'a Path,
}

impl Source<'_> {
    fn entry(&self, wire: Entry) -> Result<RegistryHost, RegistryError> {
        let mut entry = RegistryHost::new();
        entry.plain_http = wire.plain_http;
        if let Some(ca) = wire.ca_file {
            let pem = self.file(ca.defined, &ca.value)?;
            entry = self.at(ca.defined, entry.ca_file(&pem))?;
        }
        if let Some(Spanned { value, defined, .. }) = wire.client_certificate {
            let certificate = self.file(defined, &value.cert_file)?;
            let key = self.file(defined, &value.key_file)?;
            entry = self.at(defined, entry.client_certificate(&certificate, &key))?;
        }
        if let Some(proxy) = wire.proxy {
            let url = (proxy.value != "none").then_some(proxy.value.as_str());
            entry = self.at(proxy.defined, entry.proxy(url))?;
        }
        for mirror in wire.mirrors {
            let WireMirror { url, resolve } = mirror.value;
            entry = self.at(mirror.defined, entry.mirror(&url, resolve))?;
        }
        for address in wire.addresses {
            entry = self.at(address.defined, entry.address(&address.value))?;
        }
        Ok(entry)
    }

    fn file(&self, at: Location, name: &str) -> Result<Vec<u8>, RegistryError> {
        self.at(at, files::read(&self.beside(name)))
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    fn expect(
        &self,
        found: &Spanned<String>,
        field: &str,
        wanted: &str,
    ) -> Result<(), RegistryError> {
        if found.value == wanted {
            return Ok(());
        }
        Err(self.broken(
            Some(found.defined),
            format!("`{field}` has to be `{wanted}`"),
        ))
    }

    /// The outcome, with the place in the file if it is an error.
    fn at<T>(&self, at: Location, outcome: Result<T, RegistryError>) -> Result<T, RegistryError> {
        outcome.map_err(|error| match error {
            RegistryError::Configuration { source_name, cause } => {
                self.broken(Some(at), format!("{source_name}: {cause}"))
            }
            other => other,
        })
    }

    fn broken(&self, at: Option<Location>, cause: String) -> RegistryError {
        let path = self.path.display();
        RegistryError::Configuration {
            source_name: match at {
                Some(at) => format!("{path}:{}:{}", at.line(), at.column()),
                None => path.to_string(),
            },
            cause,
        }
    }
}

impl<'de> Deserialize<'de> for WireMirror {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            url: String,
            #[serde(default)]
            resolve: bool,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = WireMirror;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or a mapping with `url` and `resolve`")
            }

            fn visit_str<E: de::Error>(self, url: &str) -> Result<WireMirror, E> {
                Ok(WireMirror {
                    url: url.to_owned(),
                    resolve: false,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WireMirror, A::Error> {
                let Full { url, resolve } = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(WireMirror { url, resolve })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
#[path = "yaml/tests.rs"]
mod tests;
