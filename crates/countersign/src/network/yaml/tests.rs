//! What the file means, and where it says what is wrong.
#![allow(clippy::unwrap_used)]

use std::fs;

use countersign_core::ImageRef;

use super::*;
use crate::Repository;

const START: &str = "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n";

fn parse(spec: &str) -> Result<Registries, RegistryError> {
    read(
        &format!("{START}{spec}"),
        Path::new("/no/such/registries.yaml"),
    )
}

#[test]
fn a_whole_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let registry = countersign_testkit::registry::Registry::builder()
        .tls()
        .start();
    fs::write(folder.path().join("ca.pem"), registry.ca_pem().unwrap()).unwrap();
    let path = folder.path().join("registries.yaml");
    fs::write(
        &path,
        format!(
            "{START}  registries:
    - host: registry.example:5000
      plainHttp: true
      addresses: [loopback, 10.0.0.0/8]
    - host: '*.example'
      caFile: ca.pem
      proxy: none
    - host: ghcr.io
      proxy: http://user:hunter2@proxy.example:3128
      mirrors:
        - https://one.example/hub
        - {{url: 'http://two.example', resolve: true}}
  evidence:
    - {{images: 'ghcr.io/acme/**', repository: registry.example:5000/signatures}}
"
        ),
    )
    .unwrap();
    let registries = Registries::load(&path).unwrap();
    let entry = registries.entry("registry.example:5000").unwrap();
    assert!(entry.plain_http);
    assert_eq!(entry.allowed.refuses("127.0.0.1".parse().unwrap()), None);
    let entry = registries.entry("a.b.example").unwrap();
    assert_eq!(entry.connection.roots().len(), 1);
    let served = registries.served("ghcr.io");
    let hosts: Vec<_> = served.mirrors.iter().map(|it| it.host.as_str()).collect();
    assert_eq!(hosts, ["one.example", "two.example"]);
    assert!(!format!("{registries:?}").contains("hunter2"));
    let repository = |text| Repository::of(&ImageRef::parse(text).unwrap());
    assert_eq!(
        registries
            .evidence_repository(&repository("ghcr.io/acme/a/b"))
            .unwrap()
            .to_string(),
        "registry.example:5000/signatures"
    );
    assert_eq!(
        registries.evidence_repository(&repository("ghcr.io/other/a")),
        None
    );
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let page = include_str!("../../../../../docs/registries.md");
    let example = countersign_testkit::page::blocks(page, "yaml")
        .next()
        .unwrap();
    let registry = countersign_testkit::registry::Registry::builder()
        .client_certificates()
        .start();
    let (certificate, key) = registry.client_pem().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("certs.d")).unwrap();
    for (name, text) in [
        ("registries.yaml", example),
        ("registry-ca.pem", registry.ca_pem().unwrap()),
        ("client.pem", certificate),
        ("client-key.pem", key),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let registries = Registries::load(&folder.path().join("registries.yaml")).unwrap();
    let mirror = &registries.served("docker.io").mirrors[0];
    assert_eq!(
        mirror.repository("library/nginx").to_string(),
        "harbor.example.com/docker-hub/library/nginx"
    );
    let entry = registries.entry("registry.example:5000").unwrap();
    assert!(entry.connection.identity().is_some());
}

#[test]
fn the_most_specific_entry_counts() {
    let registries = parse(
        "  registries:
    - {host: '*.example', addresses: [loopback]}
    - {host: a.b.example, addresses: [private]}
    - {host: '*.b.example', addresses: [metadata]}
",
    )
    .unwrap();
    for (host, address) in [
        ("a.b.example", "10.0.0.1"),
        ("x.b.example", "169.254.169.254"),
        ("x.example", "127.0.0.1"),
    ] {
        let allowed = &registries.entry(host).unwrap().allowed;
        assert_eq!(allowed.refuses(address.parse().unwrap()), None, "{host}");
        assert!(allowed.refuses("fe80::1".parse().unwrap()).is_some());
    }
    assert!(registries.entry("example").is_none());
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (spec, line, says) in [
        ("  registry: []\n", 4, "registry"),
        (
            "  registries:\n    - {host: a.b, plainHTTP: true}\n",
            5,
            "plainHTTP",
        ),
        (
            "  registries:\n    - {host: a.b, host: a.c}\n",
            5,
            "duplicate",
        ),
        (
            "  registries:\n    - {host: a.b}\n    - {host: A.b}\n",
            6,
            "entry already",
        ),
        ("  registries:\n    - {host: 'https://a.b'}\n", 5, "no host"),
        ("  registries:\n    - {plainHttp: true}\n", 5, "host"),
        (
            "  registries:\n    - {host: a.b, plainHttp: yes}\n",
            5,
            "bool",
        ),
        (
            "  registries:\n    - host: a.b\n      addresses: [10.0.0.0/99]\n",
            6,
            "network",
        ),
        (
            "  registries:\n    - host: a.b\n      proxy: socks5://p\n",
            6,
            "proxies are asked",
        ),
        (
            "  registries:\n    - host: a.b\n      mirrors: [ftp://x]\n",
            6,
            "mirror",
        ),
        (
            "  registries:\n    - host: a.b\n      mirrors: [{uri: x}]\n",
            6,
            "uri",
        ),
        (
            "  registries:\n    - host: a.b\n      caFile: missing.pem\n",
            6,
            "missing.pem",
        ),
        (
            "  registries:\n    - host: a.b\n      clientCertificate: {certFile: c}\n",
            6,
            "keyFile",
        ),
        (
            "  evidence:\n    - {images: ghcr.io, repository: a.b/c}\n",
            5,
            "no pattern",
        ),
        (
            "  evidence:\n    - {images: a.b/**, repository: 'a.b/c:v1'}\n",
            5,
            "without tag",
        ),
        (
            "  evidence:\n    - {images: a.b/**, repository: c}\n",
            5,
            "host/path",
        ),
    ] {
        let error = parse(spec).unwrap_err().to_string();
        let place = format!("registries.yaml:{line}:");
        assert!(
            error.contains(&place) && error.contains(says),
            "{spec}{error}"
        );
    }
    let error = read(
        "apiVersion: v1\nkind: Registries\nspec: {}\n",
        Path::new("r.yaml"),
    );
    assert!(error.unwrap_err().to_string().contains("r.yaml:1:"));
    let error = parse("  registries:\n    - {host: a.b, proxy: 'ftp://user:hunter2@p'}\n");
    assert!(!error.unwrap_err().to_string().contains("hunter2"));
}
