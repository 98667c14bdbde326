//! Registries that are configured: mirrors, evidence kept apart, proxies, what was known last; and what `--verbose` says.

use std::path::Path;
use std::process::Output;

use countersign_testkit::registry::{Fault, OCI_MANIFEST, Registry};
use serde_json::Value;

use crate::run::command;
use crate::world::{AT, World};

/// `verify` with more arguments, as JSON.
fn verify(world: &World, image: &str, more: &[&str]) -> Output {
    let trust = world.trust();
    let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
    let fixed = ["verify", image, "--at", AT, "--format", "json"];
    command(&[&fixed, trust.as_slice(), more].concat())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)));
    report["images"][0].clone()
}

/// Writes a file of kind `Registries`; its path.
fn registries(world: &World, spec: &str) -> String {
    let path = world.path("registries.yaml");
    let text = format!("apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n{spec}");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn signed(registry: Registry) -> (World, String) {
    let world = World::new(registry);
    let digest = world.registry.push_image("app", "v1");
    let bundle = world.keyed(&digest);
    world.registry.attach_bundle("app", &digest, &bundle);
    (world, digest)
}

#[test]
fn a_registry_of_the_file_is_asked_as_the_file_says() {
    let (world, _) = signed(Registry::start());
    let host = world.registry.host();
    let file = registries(
        &world,
        &format!("  registries:\n    - {{host: \"{host}\", plainHttp: true}}\n"),
    );
    let output = verify(&world, &world.image(":v1"), &["--registries", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // Without the entry it is asked over TLS.
    let output = verify(&world, &world.image(":v1"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(report(&output)["gaps"][0]["class"], "unavailable");
}

#[test]
fn a_file_that_is_wrong_is_a_wrong_command_line() {
    let (world, _) = signed(Registry::start());
    let file = registries(&world, "  registries: [{host: a.example, plain: true}]\n");
    let output = verify(&world, &world.image(":v1"), &["--registries", &file]);
    assert_eq!(output.status.code(), Some(3));
    let told = stderr(&output);
    assert!(
        told.contains("registries.yaml") && told.contains("plain"),
        "{told}"
    );
    let output = verify(&world, &world.image(":v1"), &["--hosts-dir", "/nowhere"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(world.registry.requests().len(), 0);
}

#[test]
fn evidence_by_a_mirror_is_named_as_such() {
    let (world, digest) = signed(Registry::start());
    let gone = gone();
    let folder = world.path("hosts").join(gone.replace(':', "_") + "_");
    std::fs::create_dir_all(&folder).unwrap();
    let mirror = world.registry.url();
    std::fs::write(
        folder.join("hosts.toml"),
        format!("server = \"http://{gone}\"\n[host.\"{mirror}\"]\ncapabilities = [\"pull\"]\n"),
    )
    .unwrap();
    let hosts = world.path("hosts").display().to_string();
    let image = format!("{gone}/app@{digest}");
    let output = verify(&world, &image, &["--hosts-dir", &hosts]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let place = &report["policies"][0]["rules"][0]["evidence"][0]["found"]["place"];
    assert_eq!(*place, world.registry.host(), "{report:#}");
    // The mirror's list proves no absence: that the registry was silent stays said.
    assert_eq!(report["gaps"][0]["class"], "unavailable", "{report:#}");
}

#[test]
fn evidence_that_is_kept_apart_is_found_there_and_nowhere_else() {
    let world = World::new(Registry::start());
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;
    let push = |repo: &str| {
        world
            .registry
            .push_manifest(repo, "v1", OCI_MANIFEST, manifest)
    };
    let digest = push("app");
    push("signatures");
    let host = world.registry.host();
    let file = registries(
        &world,
        &format!(
            "  registries: [{{host: \"{host}\", plainHttp: true}}]\n  evidence: [{{images: \"{host}/app\", repository: \"{host}/signatures\"}}]\n"
        ),
    );
    let arguments = ["--registries", file.as_str()];
    // Beside the image it does not count.
    let bundle = world.keyed(&digest);
    world.registry.attach_bundle("app", &digest, &bundle);
    let output = verify(&world, &world.image(":v1"), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", report(&output));
    world.registry.attach_bundle("signatures", &digest, &bundle);
    let output = verify(&world, &world.image(":v1"), &arguments);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let place = &report["evidence"][0]["found"]["place"];
    assert_eq!(*place, format!("{host}/signatures"));
}

#[test]
fn what_was_known_last_serves_while_the_policy_lets_it() {
    let (world, digest) = signed(Registry::start());
    let policy = world.path("policy.yaml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let image = world.image(&format!("@{digest}"));
    let cache = world.path("cache").display().to_string();
    let arguments = ["--plain-http", "--cache-dir", &cache, "--verbose"];
    let output = verify(&world, &image, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    world
        .registry
        .fault(|_| true, Fault::RetryAfter(503, "600".to_owned()));
    // The settings say nothing of it.
    let output = verify(&world, &image, &arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let stale = text.replace("onUnknown: deny}", "onUnknown: deny, stale: {maxAge: 12h}}");
    assert_ne!(stale, text);
    std::fs::write(&policy, stale).unwrap();
    let output = verify(&world, &image, &arguments);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert!(
        report["warnings"].to_string().contains("stale-evidence"),
        "{report:#}"
    );
    assert!(
        stderr(&output).contains("cache: referrers: stale"),
        "{}",
        stderr(&output)
    );
    // A tag may have moved.
    let output = verify(&world, &world.image(":v1"), &arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    // Nor does it serve from a folder that knows nothing.
    let empty = world.path("empty").display().to_string();
    let output = verify(&world, &image, &["--plain-http", "--cache-dir", &empty]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_cache_folder_that_others_may_write_to_is_refused() {
    let (world, _) = signed(Registry::start());
    let file = world.path("a-file");
    std::fs::write(&file, "x").unwrap();
    let arguments = ["--plain-http", "--cache-dir", file.to_str().unwrap()];
    let output = verify(&world, &world.image(":v1"), &arguments);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("--cache-dir"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn verbose_says_what_was_asked_of_whom() {
    let (world, digest) = signed(Registry::start());
    let image = world.image(&format!("@{digest}"));
    let output = verify(&world, &image, &["--plain-http", "--verbose"]);
    assert_eq!(output.status.code(), Some(0));
    let told = stderr(&output);
    let host = world.registry.host();
    for kind in ["manifest", "referrers", "blob"] {
        let start = format!("{host}: {kind}: 200, ");
        assert!(told.lines().any(|line| line.starts_with(&start)), "{told}");
    }
    let requests = told.lines().filter(|line| line.starts_with(&host));
    assert_eq!(requests.count(), world.registry.requests().len());
}

#[test]
fn a_proxy_of_the_environment_is_used_and_no_proxy_heeded() {
    let (world, _) = signed(Registry::start());
    let trust = world.trust();
    let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
    let image = world.image(":v1");
    let arguments = [
        &["verify", image.as_str(), "--at", AT, "--plain-http"],
        trust.as_slice(),
    ]
    .concat();
    let code = |variables: &[(&str, &str)]| {
        let mut command = command(&arguments);
        command.envs(variables.iter().copied());
        command.output().unwrap().status.code()
    };
    let proxy = format!("http://{}", gone());
    assert_eq!(code(&[("HTTP_PROXY", &proxy)]), Some(2));
    assert_eq!(
        code(&[("http_proxy", &proxy), ("no_proxy", "127.0.0.0/8")]),
        Some(0)
    );
    assert_eq!(code(&[("HTTP_PROXY", "socks5://127.0.0.1:1")]), Some(3));
}

/// A host at which nobody listens.
fn gone() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// That the folder of a test's cache shows no name.
#[test]
fn the_disk_cache_names_nobody() {
    let (world, digest) = signed(Registry::start());
    let cache = world.path("cache");
    let folder = cache.display().to_string();
    let image = world.image(&format!("@{digest}"));
    let output = verify(&world, &image, &["--plain-http", "--cache-dir", &folder]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let names: Vec<String> = crate::world::files(Path::new(&folder))
        .into_iter()
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(names.len() >= 4, "{names:?}");
    let host = world.registry.host();
    let port = host.rsplit(':').next().unwrap();
    let named = |name: &&String| name.trim_start_matches(&folder).contains(port);
    assert_eq!(names.iter().find(named), None);
}
