#![allow(clippy::unwrap_used)]
use super::*;

fn read(words: &[&str]) -> Result<Config, String> {
    let words = std::iter::once("countersign-webhook").chain(words.iter().copied());
    Config::read(words.map(OsString::from)).map_err(|error| error.to_string())
}

const NEEDED: [&str; 6] = ["--tls-cert", "c.pem", "--tls-key", "k.pem", "--policy", "p"];

fn written(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path.display().to_string())
}

#[test]
fn flags_go_before_the_file_and_the_file_before_what_is_so_by_itself() {
    let (_folder, path) =
        written("policy: from-file\ntlsCert: c\ntimeout: 7\ndrain: 9\nclientCa: ca.pem\n");
    let config = read(&[
        "--config",
        &path,
        "--tls-key",
        "k",
        "--timeout",
        "3",
        "--mutate",
    ])
    .unwrap();
    assert_eq!(config.policy, Some(PathBuf::from("from-file")));
    assert_eq!(config.timeout, Duration::from_secs(3));
    assert_eq!(config.drain, Duration::from_secs(9));
    assert_eq!(config.most_reviews, 256);
    assert!(config.mutate);
    let shown = config.shown();
    for line in [
        "policy: \"from-file\" # file",
        "timeout: 3 # flag --timeout",
        "drain: 9 # file",
        "mostReviews: 256 # default",
        "mutate: true # flag --mutate",
        "# cacheDir is not configured",
        "kubernetes: none # default",
        "# namespace is not configured",
        "pullSecrets: false # default",
        "# credentialProviders is not configured",
        "tls: files # default",
        "tlsSecret: \"countersign-webhook-tls\" # default",
        "tlsLifetime: 7776000 # default",
        "listen: 0.0.0.0:8443 # default",
        "images: [] # default",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
    }
}

#[test]
fn what_is_printed_configures_the_same() {
    let (_folder, path) = written(
        "images: [{group: acme.example, kind: Task, path: 'spec.steps[*].image', holds: image, optional: true}, \
         {kind: Pod, path: spec.x, holds: podSpec}]\nclientNames: ['a b', '#']\nclientCa: x\nkubernetes: /k\nnamespace: 'n'\n",
    );
    let first = read(&[&NEEDED[..], &["--config", &path, "--drain", "0"]].concat()).unwrap();
    let (_folder, path) = written(first.shown());
    let again = read(&["--config", &path]).unwrap();
    let without_sources = |config: &Config| -> Vec<String> {
        let lines = config.shown().lines();
        lines
            .map(|line| {
                line.rsplit_once(" # ")
                    .map_or(line, |(it, _)| it)
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(without_sources(&first), without_sources(&again));
    assert_eq!(again.images, first.images);
    assert_eq!(again.client_names, ["a b", "#"]);
    assert_eq!(again.kubernetes, Which::Kubeconfig(PathBuf::from("/k")));
    assert_eq!(again.namespace.as_deref(), Some("n"));
}

#[test]
fn what_is_missing_or_out_of_bounds_is_said() {
    let error = read(&[]).unwrap_err();
    assert_eq!(
        error,
        "tls-cert is not configured: pass --tls-cert, set COUNTERSIGN_WEBHOOK_TLS_CERT, or write it into the file of --config"
    );
    for (text, says) in [
        ("timeout: 31", "timeout has to be 1 to 30 seconds"),
        (
            "reloadInterval: 0",
            "reload-interval has to be 1 to 3600 seconds",
        ),
        ("drain: 601", "drain has to be 0 to 600 seconds"),
        (
            "trustRefresh: 604801",
            "trust-refresh has to be 0 to 604800 seconds",
        ),
        (
            "events: true",
            "events is configured and kubernetes is none: pass --kubernetes in-cluster, or a kubeconfig",
        ),
        ("mostReviews: 0", "most-reviews has to be 1 to 100000"),
        ("mostWaiting: 100001", "most-waiting has to be 0 to 100000"),
        (
            "mostBytes: 10",
            "most-bytes has to be 8 MiB to 16 GiB, in bytes",
        ),
        (
            "clientNames: [a]",
            "client-names is configured and client-ca is not: names prove nothing by themselves",
        ),
        (
            "credentialProviders: p.yaml",
            "credential-providers and credential-provider-dir are configured together: which programs there are, and the folder with them",
        ),
        (
            "credentialProviderDir: bin",
            "credential-providers and credential-provider-dir are configured together: which programs there are, and the folder with them",
        ),
        (
            "pullSecrets: true",
            "pull-secrets is configured and kubernetes is none: pass --kubernetes in-cluster, or a kubeconfig",
        ),
    ] {
        let (_folder, path) = written(text);
        let error = read(&[&NEEDED[..], &["--config", &path]].concat()).unwrap_err();
        assert_eq!(error, says, "{text}");
    }
    assert!(read(&[&NEEDED[..], &["--timeout", "31"]].concat()).is_err());
    let error = read(&[&NEEDED[..], &["--config", "/nowhere/c.yaml"]].concat()).unwrap_err();
    assert!(error.starts_with("/nowhere/c.yaml: "), "{error}");
}

#[test]
fn policies_come_from_files_or_from_the_cluster_and_from_somewhere() {
    let without = |more: &[&str]| read(&[&NEEDED[..4], more].concat());
    let error = without(&[]).unwrap_err();
    assert!(error.starts_with("policy is not configured: "), "{error}");
    let error = without(&["--kubernetes", "in-cluster"]).unwrap_err();
    assert!(error.starts_with("policy is not configured: "), "{error}");
    for more in [
        &["--policy-resources"][..],
        &["--policy", "p", "--policy-resources", "true"],
    ] {
        let error = without(more).unwrap_err();
        assert_eq!(
            error,
            "policy-resources is configured and kubernetes is none: pass --kubernetes in-cluster, or a kubeconfig"
        );
    }
    let config = without(&["--policy-resources", "--kubernetes", "in-cluster"]).unwrap();
    assert!(config.policy.is_none() && config.policy_resources);
    assert!(config.shown().contains("policyResources: true # flag"));
}

#[test]
fn who_makes_his_own_certificate_needs_no_files_and_a_kubernetes_api() {
    let made = |words: &[&str]| read(&[&["--policy", "p", "--tls", "self"], words].concat());
    assert_eq!(
        made(&[]).unwrap_err(),
        "tls self is configured and kubernetes is none: pass --kubernetes in-cluster, or a kubeconfig"
    );
    let config = made(&["--kubernetes", "/k"]).unwrap();
    let TlsConfig::SelfMade(options) = &config.tls else {
        panic!("{:?}", config.tls);
    };
    assert_eq!(options.secret, "countersign-webhook-tls");
    assert_eq!(options.service, "countersign-webhook");
    assert_eq!(options.lifetime, Duration::from_secs(90 * 24 * 3600));
    let of: Vec<_> = options
        .configurations
        .iter()
        .map(|it| (it.name.as_str(), it.is_validating, it.is_mutating))
        .collect();
    assert_eq!(
        of,
        [
            ("countersign-enforce", true, false),
            ("countersign-audit", true, false),
            ("countersign-mutate", false, true)
        ]
    );
    let text = "policy: p\ntls: self\nkubernetes: in-cluster\ntlsSecret: s\nservice: w\ntlsNames: [a.example]\n\
                webhookConfigurations: [one]\ntlsLifetime: 86400\nlease: l\n";
    let (_folder, path) = written(text);
    let config = read(&["--config", &path]).unwrap();
    assert_eq!(config.lease, "l");
    let (_folder, path) = written(config.shown());
    let again = read(&["--config", &path]).unwrap();
    assert_eq!(config.tls, again.tls);
    let TlsConfig::SelfMade(options) = &again.tls else {
        panic!("{:?}", again.tls);
    };
    assert_eq!(
        (options.names.len(), options.lifetime.as_secs()),
        (1, 86400)
    );
    assert!(options.configurations[0].is_validating && options.configurations[0].is_mutating);
}

#[test]
fn what_is_wrong_about_an_own_certificate_is_said() {
    for (text, says) in [
        (
            "tlsLifetime: 59",
            "tls-lifetime has to be at least twelve times reload-interval, and at most 31536000 seconds",
        ),
        (
            "webhookConfigurations: [other/x]",
            "webhook-configurations has to be a list of names, each alone, or behind `validating/` or `mutating/`",
        ),
        (
            "webhookConfigurations: ['validating/']",
            "webhook-configurations has to be a list of names, each alone, or behind `validating/` or `mutating/`",
        ),
    ] {
        let (_folder, path) = written(&format!("policy: p\ntls: self\nkubernetes: /k\n{text}\n"));
        assert_eq!(read(&["--config", &path]).unwrap_err(), says, "{text}");
    }
    let (_folder, path) = written("policy: p\ntls: both\n");
    assert!(read(&["--config", &path]).unwrap_err().contains("both"));
}

#[test]
fn the_command_is_well_formed() {
    Typed::command().debug_assert();
}

#[test]
fn the_page_has_every_flag() {
    let page = include_str!("../../../../docs/webhook.md");
    for argument in Typed::command().get_arguments() {
        let Some(flag) = argument.get_long().filter(|flag| *flag != "version") else {
            continue;
        };
        let is_there = page
            .lines()
            .any(|line| line.starts_with("| `--") && line.contains(&format!("`--{flag}`")));
        assert!(is_there, "docs/webhook.md does not tell of --{flag}");
    }
}

#[test]
fn spans_go_to_an_address_without_secrets_or_nowhere() {
    let read = |url| read(&[&NEEDED[..], &["--otlp-endpoint", url]].concat());
    let good = ["http://127.0.0.1:4318", "https://collector.example/otlp/"];
    if cfg!(feature = "otel") {
        for url in good {
            assert_eq!(read(url).unwrap().otlp_endpoint.as_deref(), Some(url));
        }
        for url in [
            "",
            "collector:4318",
            "grpc://collector:4317",
            "http://",
            "http://u:p@collector",
            "http://c/?a=b",
        ] {
            assert!(
                read(url)
                    .unwrap_err()
                    .starts_with("otlp-endpoint has to be"),
                "{url}"
            );
        }
    } else {
        for url in good {
            let error = read(url).unwrap_err();
            assert!(
                error.contains("built without the feature `otel`"),
                "{error}"
            );
        }
    }
}
