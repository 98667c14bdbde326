//! containerd's `hosts.toml`: folders for registries, with the hosts that are asked in their place.
//!
//! The form is that of containerd's `docs/hosts.md`. Off-spec: a file that cannot be read is an error and not passed over, and
//! so are `skip_verify`, more than one client certificate, and a `server` that may not be pulled and resolved from.

mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use self::wire::{File, Pair, Pairs, Table, Texts};
use super::{Ability, Connection, Mirror, files};
use crate::RegistryError;
use crate::error::clip;
use crate::registry::canonical_host;

/// The folder for every registry that has none of its own.
pub(super) const DEFAULT: &str = "_default";
/// Folders that are looked at.
const MAX_FOLDERS: usize = 1000;

/// What one folder says.
#[derive(Debug, Clone, Default)]
pub(super) struct HostsFile {
    /// Asked before the server, in the order of the file.
    pub(super) hosts: Vec<Mirror>,
    /// What stands for the registry.
    pub(super) server: Option<Mirror>,
}

/// Reads every folder: by the name of the registry, and [`DEFAULT`].
pub(super) fn load(folder: &Path) -> Result<BTreeMap<String, HostsFile>, RegistryError> {
    let broken = |error: std::io::Error| files::broken(folder, error.to_string());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        if entry.path().is_dir() {
            names.push(entry.file_name());
        }
        if names.len() > MAX_FOLDERS {
            return Err(files::broken(folder, "more than 1000 folders"));
        }
    }
    names.sort();
    let mut found: BTreeMap<String, (bool, HostsFile)> = BTreeMap::new();
    for name in names {
        let path = folder.join(&name);
        let Some((registry, is_first)) = name.to_str().and_then(registry_of) else {
            return Err(files::broken(
                &path,
                "its name is no `host`, `host_port_`, `host:port` or `_default`",
            ));
        };
        // `host_port_` goes before `host:port`.
        if is_first || !found.contains_key(&registry) {
            found.insert(registry, (is_first, read_folder(&path)?));
        }
    }
    Ok(found
        .into_iter()
        .map(|(registry, (_, file))| (registry, file))
        .collect())
}

/// The registry that a folder is for, and whether the name is in the form that goes first.
fn registry_of(name: &str) -> Option<(String, bool)> {
    if name == DEFAULT {
        return Some((DEFAULT.to_owned(), true));
    }
    if let Some((host, port)) = name
        .strip_suffix('_')
        .and_then(|rest| rest.rsplit_once('_'))
    {
        return Some((canonical_host(&format!("{host}:{port}"))?, true));
    }
    Some((canonical_host(name)?, false))
}

fn read_folder(folder: &Path) -> Result<HostsFile, RegistryError> {
    let path = folder.join("hosts.toml");
    if !path.exists() {
        return read_certificates(folder);
    }
    let text = files::read_text(&path)?;
    let broken = |cause: String| files::broken(&path, cause);
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
        });
        broken(format!("line {line}: {}", error.message()))
    })?;
    let reader = Reader {
        folder,
        path: &path,
    };
    let mut hosts = Vec::new();
    for (url, table) in file.host.0 {
        hosts.push(reader.mirror(&url, table)?);
    }
    let root = Table {
        capabilities: file.capabilities,
        ca: file.ca,
        client: file.client,
        skip_verify: file.skip_verify.unwrap_or_default(),
        header: file.header,
        override_path: file.override_path.unwrap_or_default(),
        dial_timeout: file.dial_timeout,
    };
    Ok(HostsFile {
        hosts,
        server: reader.server(file.server, root)?,
    })
}

/// Without a `hosts.toml` a folder holds certificates, as Docker has them: `*.crt` are authorities, `*.cert` with `*.key` are
/// the client's. There is no server then: the connection is the registry's own.
fn read_certificates(folder: &Path) -> Result<HostsFile, RegistryError> {
    let broken = |error: std::io::Error| files::broken(folder, error.to_string());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(broken)? {
        names.push(entry.map_err(broken)?.path());
    }
    let has_certificates = names.iter().any(|path| {
        path.extension()
            .is_some_and(|it| it == "crt" || it == "cert")
    });
    if has_certificates {
        return Err(files::broken(
            folder,
            "certificates without a hosts.toml (Docker's form) are not read: name them in a hosts.toml, as `ca` and `client`",
        ));
    }
    Ok(HostsFile::default())
}

struct Reader<'a> {
    folder: &'a Path,
    path: &'a Path,
}

impl Reader<'_> {
    fn mirror(&self, url: &str, table: Table) -> Result<Mirror, RegistryError> {
        let named = |cause: String| self.broken(url, cause);
        let base = base_url(url, table.override_path).map_err(named)?;
        let abilities = abilities(table.capabilities.as_deref()).map_err(named)?;
        let mut mirror = Mirror::new(base, abilities).map_err(named)?;
        mirror.tells_namespace = true;
        mirror.connection = Some(Arc::new(self.connection(url, table)?));
        Ok(mirror)
    }

    /// The root of the file speaks of the server; without one, of the registry itself.
    fn server(
        &self,
        server: Option<String>,
        table: Table,
    ) -> Result<Option<Mirror>, RegistryError> {
        let is_plain = table.ca.is_none()
            && table.client.is_none()
            && table.header.is_empty()
            && table.dial_timeout.is_none()
            && !table.skip_verify
            && !table.override_path
            && table.capabilities.is_none();
        let Some(url) = server else {
            if is_plain {
                return Ok(None);
            }
            return Err(self.broken(
                "server",
                "what stands at the root is for `server`, which is missing".to_owned(),
            ));
        };
        // Docker Hub is called by a name that is not its registry's.
        let url = match url.trim_end_matches('/') {
            "https://docker.io" | "docker.io" | "https://index.docker.io" => {
                "https://registry-1.docker.io".to_owned()
            }
            _ => url,
        };
        let mirror = self.mirror(&url, table)?;
        if mirror.can(Ability::Pull) && mirror.can(Ability::Resolve) {
            return Ok(Some(mirror));
        }
        Err(self.broken(
            &url,
            "a `server` without the capabilities `pull` and `resolve` cannot stand for the registry"
                .to_owned(),
        ))
    }

    fn connection(&self, url: &str, table: Table) -> Result<Connection, RegistryError> {
        if table.skip_verify {
            return Err(self.broken(
                url,
                "`skip_verify` is refused: whoever is on the way could be the registry; name its certificate authority as `ca`".to_owned(),
            ));
        }
        let mut connection = Connection::default();
        for name in table.ca.map_or_else(Vec::new, Texts::into_vec) {
            let path = self.beside(&name);
            connection.add_roots(&self.file(url, &path)?, &path.display().to_string())?;
        }
        if let Some((certificate, key)) = table.client.map(|it| self.client(url, it)).transpose()? {
            let mut pem = self.file(url, &certificate)?;
            if let Some(key) = key {
                pem.push(b'\n');
                pem.extend(self.file(url, &key)?);
            }
            connection.set_identity(&pem, &certificate.display().to_string())?;
        }
        connection.headers = headers(table.header).map_err(|cause| self.broken(url, cause))?;
        connection.connect = table
            .dial_timeout
            .map(|text| {
                let time = text.parse::<SignedDuration>().ok();
                time.and_then(|time| std::time::Duration::try_from(time).ok())
                    .ok_or_else(|| {
                        self.broken(url, "`dial_timeout` is no time such as `5s`".to_owned())
                    })
            })
            .transpose()?;
        Ok(connection)
    }

    fn client(&self, url: &str, pairs: Pairs) -> Result<(PathBuf, Option<PathBuf>), RegistryError> {
        let pair = match pairs {
            Pairs::One(both) => Pair::Both(both),
            Pairs::Several(several) => {
                let count = several.len();
                let mut several = several.into_iter();
                match several.next() {
                    Some(pair) if count == 1 => pair,
                    _ => {
                        return Err(self
                            .broken(url, "exactly one client certificate can be used".to_owned()));
                    }
                }
            }
        };
        Ok(match pair {
            Pair::Both(both) => (self.beside(&both), None),
            Pair::Separate((certificate, key)) => (
                self.beside(&certificate),
                (!key.is_empty()).then(|| self.beside(&key)),
            ),
        })
    }

    fn file(&self, url: &str, path: &Path) -> Result<Vec<u8>, RegistryError> {
        files::read(path).map_err(|error| self.broken(url, error.to_string()))
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn broken(&self, what: &str, cause: String) -> RegistryError {
        files::broken(self.path, format!("`{}`: {cause}", clip(what)))
    }
}

/// Where the names of repositories begin: `/v2/` below the URL's path, or the path itself with `override_path`.
fn base_url(text: &str, override_path: bool) -> Result<Url, String> {
    let text = if text.starts_with("http") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url = Url::parse(&text).map_err(|error| format!("no URL: {error}"))?;
    let path = url.path().trim_end_matches('/').to_owned();
    let path = if override_path || path.ends_with("/v2") {
        format!("{path}/")
    } else {
        format!("{path}/v2/")
    };
    url.set_path(&path);
    Ok(url)
}

fn abilities(capabilities: Option<&[String]>) -> Result<Vec<Ability>, String> {
    let Some(named) = capabilities.filter(|named| !named.is_empty()) else {
        return Ok(vec![Ability::Pull, Ability::Resolve, Ability::Referrers]);
    };
    let mut abilities = Vec::new();
    for name in named {
        match name.to_ascii_lowercase().as_str() {
            // What can be pulled can be listed: that a list proves no absence is seen to elsewhere.
            "pull" => abilities.extend([Ability::Pull, Ability::Referrers]),
            "resolve" => abilities.push(Ability::Resolve),
            "referrers" => abilities.push(Ability::Referrers),
            // Nothing is pushed to a mirror.
            "push" => {}
            _ => return Err(format!("unknown capability `{}`", clip(name))),
        }
    }
    Ok(abilities)
}

fn headers(table: BTreeMap<String, Texts>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, values) in table {
        let broken = || {
            format!(
                "`{}` is no header, or has a value that none has",
                clip(&name)
            )
        };
        let parsed: HeaderName = name.parse().map_err(|_| broken())?;
        for value in values.into_vec() {
            let mut value = HeaderValue::from_str(&value).map_err(|_| broken())?;
            // It may be a credential.
            value.set_sensitive(true);
            headers.append(parsed.clone(), value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
#[path = "hosts_toml/tests.rs"]
mod tests;
