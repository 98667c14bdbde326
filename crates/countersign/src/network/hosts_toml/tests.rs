//! Folders as containerd's documentation has them.
#![allow(clippy::unwrap_used)]

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn one(text: &str) -> Result<HostsFile, String> {
    let folder = folder(&[("docker.io/hosts.toml", text)]);
    let loaded = load(folder.path()).map_err(|error| error.to_string())?;
    Ok(loaded["docker.io"].clone())
}

#[test]
fn hosts_are_asked_in_the_order_of_the_file() {
    let file = one(r#"
server = "https://docker.io"

[host."https://z.example"]
  capabilities = ["pull"]
[host."http://192.168.31.250:5000"]
  capabilities = ["pull", "resolve", "push"]
  dial_timeout = "1s"
  [host."http://192.168.31.250:5000".header]
    x-one = "a"
    x-two = ["b", "c"]
[host."https://b.example/v2/upstream"]
  override_path = true
[host."a.example/prefix"]
"#)
    .unwrap();
    let bases: Vec<_> = file.hosts.iter().map(|it| it.base.as_str()).collect();
    assert_eq!(
        bases,
        [
            "https://z.example/v2/",
            "http://192.168.31.250:5000/v2/",
            "https://b.example/v2/upstream/",
            "https://a.example/prefix/v2/",
        ]
    );
    let [z, plain, b, a] = file.hosts.as_slice() else {
        panic!()
    };
    assert!(z.can(Ability::Pull) && !z.can(Ability::Resolve));
    assert!(plain.can(Ability::Resolve) && b.can(Ability::Resolve) && a.can(Ability::Resolve));
    let connection = plain.connection.as_ref().unwrap();
    assert_eq!(connection.connect, Some(std::time::Duration::from_secs(1)));
    assert_eq!(connection.headers.get_all("x-two").iter().count(), 2);
    assert_eq!(b.repository("x/y").to_string(), "b.example/upstream/x/y");
    assert_eq!(a.repository("x/y").to_string(), "a.example/x/y");
    assert_eq!(
        file.server.unwrap().base.as_str(),
        "https://registry-1.docker.io/v2/"
    );
}

#[test]
fn folders_are_found_by_host_and_port() {
    let text = |server: &str| format!("server = \"https://{server}\"\n");
    let folder = folder(&[
        ("a.example_5000_/hosts.toml", &text("first.example")),
        ("a.example:5000/hosts.toml", &text("second.example")),
        ("b.example:5000/hosts.toml", &text("third.example")),
        ("_default/hosts.toml", &text("default.example")),
    ]);
    let loaded = load(folder.path()).unwrap();
    let server = |name: &str| loaded[name].server.as_ref().unwrap().host.clone();
    assert_eq!(server("a.example:5000"), "first.example");
    assert_eq!(server("b.example:5000"), "third.example");
    assert_eq!(server("_default"), "default.example");
    assert_eq!(loaded.len(), 3);
}

#[test]
fn what_is_dangerous_unknown_or_unusable_is_refused() {
    for (text, says) in [
        (
            "[host.\"https://a.example\"]\nskip_verify = true\n",
            "skip_verify",
        ),
        (
            "server = \"https://a.example\"\nskip_verify = true\n",
            "skip_verify",
        ),
        (
            "server = \"https://a.example\"\nservers = \"x\"\n",
            "line 2",
        ),
        (
            "[host.\"https://a.example\"]\n\nskipverify = true\n",
            "line 3",
        ),
        (
            "[host.\"https://a.example\"]\ncapabilities = [\"pull\", \"fly\"]\n",
            "fly",
        ),
        (
            "server = \"https://a.example\"\ncapabilities = [\"pull\"]\n",
            "resolve",
        ),
        ("ca = \"x.pem\"\n", "missing"),
        ("[host.\"https://a.example\"]\nca = \"x.pem\"\n", "x.pem"),
        ("[host.\"https://a.example\"]\nca = 1\n", "string"),
        (
            "[host.\"https://a.example\"]\nclient = [\"a\", \"b\"]\n",
            "exactly one",
        ),
        (
            "[host.\"https://a.example\"]\ndial_timeout = \"soon\"\n",
            "dial_timeout",
        ),
        ("[host.\"https://u:p@a.example\"]\n", "user name"),
        (
            "[host.\"https://a.example\"]\nheader = {\"a b\" = \"x\"}\n",
            "no header",
        ),
        ("server = \n", "line 1"),
        ("server = \"a.example\"\nserver = \"b.example\"\n", "line 2"),
    ] {
        let error = one(text).unwrap_err();
        assert!(
            error.contains("hosts.toml") && error.contains(says),
            "{text}{error}"
        );
    }
    let odd = folder(&[("not a host/hosts.toml", "")]);
    assert!(load(odd.path()).is_err());
    let docker = folder(&[("a.example/ca.crt", "")]);
    assert!(
        load(docker.path())
            .unwrap_err()
            .to_string()
            .contains("Docker")
    );
    assert!(load(Path::new("/no/such/folder")).is_err());
}

#[test]
fn the_default_is_for_registries_without_a_folder_or_mirrors_of_their_own() {
    let text = |server: &str| format!("server = \"https://{server}\"\n");
    let folder = folder(&[
        ("own.example/hosts.toml", &text("own-server.example")),
        ("_default/hosts.toml", &text("default.example")),
    ]);
    let entry = crate::RegistryHost::new()
        .mirror("https://mirror.example", false)
        .unwrap();
    let registries = crate::Registries::new()
        .host("mirrored.example", entry)
        .unwrap()
        .hosts_dir(folder.path())
        .unwrap();
    let server = |registry| {
        let served = registries.served(registry);
        served.server.map(|server| server.host.clone())
    };
    assert_eq!(server("own.example").as_deref(), Some("own-server.example"));
    assert_eq!(server("ghcr.io").as_deref(), Some("default.example"));
    assert_eq!(server("mirrored.example"), None);
    assert_eq!(registries.served("mirrored.example").mirrors.len(), 1);
}
