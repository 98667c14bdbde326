//! Values that are good, and values that are not.

use std::collections::BTreeSet;
use std::fs;

use countersign_e2e::{outcome, workspace};
use countersign_webhook::{Config, TlsConfig, Which};
use serde_json::Value;

use crate::chart::{Chart, PLAIN, SETS, deploy, find, objects};

#[test]
fn the_linter_has_nothing_to_say() {
    let Some(chart) = Chart::found() else { return };
    let mut command = chart.parts.command("helm");
    command
        .args(["lint", "--strict"])
        .arg(deploy("helm/countersign"));
    let said = outcome(&mut command).unwrap();
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    for word in ["[WARNING]", "[ERROR]"] {
        assert!(!said.stdout.contains(word), "{}", said.stdout);
    }
}

#[test]
fn wrong_values_are_refused_with_what_is_wrong() {
    let Some(chart) = Chart::found() else { return };
    for (values, expected) in [
        // By the schema.
        (
            &["enforce.namespace=shop"][..],
            "additional properties 'namespace' not allowed",
        ),
        (
            &["nonsense=1"],
            "additional properties 'nonsense' not allowed",
        ),
        (
            &["enforce.namespaces={Shop}"],
            "'Shop' does not match pattern",
        ),
        (&["enforce.namespaces=shop"], "/enforce/namespaces"),
        (
            &["tls.mode=none"],
            "value must be one of 'self', 'files', 'cert-manager'",
        ),
        (
            &["image.digest=sha256:short"],
            "'sha256:short' does not match pattern",
        ),
        (&["timeout=31"], "maximum: got 31, want 30"),
        (&["replicas=0"], "minimum: got 0, want 1"),
        (&["customResources[0].kind=Rollout"], "missing properties"),
        (
            &["pullSecrets.namespaces[0].name=shop"],
            "missing property 'secretNames'",
        ),
        (&["policy.a/b=x"], "'a/b' does not match pattern"),
        // By what they mean together.
        (
            &["enforce.namespaces={shop,kube-system}"],
            "enforce.namespaces names kube-system, where nothing may keep Pods from coming up",
        ),
        (
            &["enforce.namespaces={countersign}"],
            "enforce.namespaces names countersign, where",
        ),
        (
            &["mutate.enabled=true"],
            "mutate.enabled is true and no namespace is named",
        ),
        (
            &["mutate.enabled=true", "mutate.namespaces={kube-system}"],
            "mutate.namespaces names kube-system",
        ),
        (
            &["pullSecrets.enabled=true"],
            "pullSecrets.namespaces is empty",
        ),
        (
            &["kubernetesApi=false"],
            "kubernetesApi is false, and tls.mode: self, events need the Kubernetes API",
        ),
        (
            &["kubernetesApi=false", "tls.mode=files"],
            "and events need the Kubernetes API",
        ),
        (
            &["policy.a=b", "policyConfigMap=c"],
            "policy and policyConfigMap are two places",
        ),
        (
            &["config.policy=/elsewhere"],
            "config.policy is written by the chart",
        ),
        (
            &["config.mutate=true"],
            "config.mutate is written by the chart",
        ),
    ] {
        let said = chart.template(values, &[]);
        assert_ne!(said.code, Some(0), "{values:?}");
        assert!(
            said.stderr.contains(expected),
            "{values:?}: nothing of `{expected}`: {}",
            said.stderr
        );
    }
    let said = chart.template(&[], &["--namespace", "kube-system"]);
    assert!(
        said.stderr
            .contains("countersign does not belong into kube-system"),
        "{}",
        said.stderr
    );
    let said = chart.template(&[], &["--kube-version", "1.29.0"]);
    assert!(said.stderr.contains("1.30"), "{}", said.stderr);
}

#[test]
fn every_value_is_in_the_schema_with_a_default_and_what_it_means() {
    let chart = deploy("helm/countersign");
    let text = fs::read_to_string(chart.join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&text).unwrap();
    let schema = fs::read(chart.join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let mut in_values = BTreeSet::new();
    let mut in_schema = BTreeSet::new();
    fields(&values, "", &schema, &mut in_values, &mut in_schema);
    // Helm's own, of charts within charts.
    in_schema.remove("global");
    assert_eq!(in_values, in_schema);

    // A comment stands above each line that has a default, or at its end, or above its neighbours.
    let lines: Vec<&str> = text.lines().collect();
    let top = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with(|it: char| it.is_ascii_lowercase()));
    let known = [
        "image:",
        "enforce:",
        "mutate:",
        "dockerConfig:",
        "breakGlass:",
        "pullSecrets:",
        "tls:",
        "cache:",
        "networkPolicy:",
        "monitoring:",
        "namespace:",
    ];
    for (number, line) in top {
        let is_told = known.contains(line)
            || lines[..number]
                .iter()
                .rev()
                .take(8)
                .any(|it| it.trim_start().starts_with('#'));
        assert!(is_told, "{line}: nobody says what it means");
    }
}

fn fields(
    values: &Value,
    at: &str,
    schema: &Value,
    in_values: &mut BTreeSet<String>,
    in_schema: &mut BTreeSet<String>,
) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    assert_eq!(
        schema["additionalProperties"], false,
        "{at}: the schema takes anything"
    );
    let place = |name: &String| format!("{at}{name}");
    in_schema.extend(properties.keys().map(place));
    for (name, value) in values.as_object().into_iter().flatten() {
        in_values.insert(place(name));
        fields(
            value,
            &format!("{}.", place(name)),
            &schema["properties"][name],
            in_values,
            in_schema,
        );
    }
    // What is empty by default has its fields in the schema alone.
    if values.as_object().is_some_and(serde_json::Map::is_empty) {
        in_schema.retain(|it| !it.starts_with(at) || at.is_empty());
    }
}

#[test]
fn no_bundle_of_certificates_is_ever_rendered() {
    let Some(chart) = Chart::found() else { return };
    for (name, values) in SETS {
        let text = chart.rendered(values);
        assert!(!text.contains("caBundle:"), "{name}");
    }
}

#[test]
fn nothing_enforces_until_a_namespace_is_named() {
    let Some(chart) = Chart::found() else { return };
    let rendered = objects(&chart.rendered(&[]));
    let kind = "ValidatingWebhookConfiguration";
    assert!(find(&rendered, kind, "countersign-enforce").is_none());
    let audit = find(&rendered, kind, "countersign-audit").unwrap();
    assert_eq!(audit["webhooks"][0]["failurePolicy"], "Ignore");
    assert!(audit["webhooks"][0].get("namespaceSelector").is_none());
}

#[test]
fn the_starter_is_no_second_word_beside_policies_that_are_resources() {
    let Some(chart) = Chart::found() else { return };
    let files = "configMap: {name: countersign-policy}";
    let resources = chart.rendered(&["policyResources=true"]);
    for text in [
        files,
        "name: countersign-policy",
        "policy: /etc",
        "unmatched",
    ] {
        assert!(!resources.contains(text), "{text}: {resources}");
    }
    let both = chart.rendered(&["policyResources=true", "policy.a\\.yaml=b"]);
    for text in [files, "policy: /etc/countersign/policy", "a.yaml: b"] {
        assert!(both.contains(text), "{text}: {both}");
    }
    assert!(!both.contains("unmatched"), "{both}");
}

#[test]
fn the_webhook_takes_the_file_that_is_rendered_and_the_policies_that_it_starts_with() {
    let Some(chart) = Chart::found() else { return };
    let folder = tempfile::tempdir().unwrap();
    let more = [
        "config.mostReviews=512",
        "customResources[0].group=argoproj.io",
        "customResources[0].versions={v1alpha1}",
        "customResources[0].resource=rollouts",
        "customResources[0].kind=Rollout",
        "customResources[0].path=spec.template.spec",
        "customResources[0].holds=podSpec",
        "enforce.namespaces={shop}",
        "mutate.enabled=true",
    ];
    let data = |rendered: &[Value], name: &str, file: &str| {
        let map = find(rendered, "ConfigMap", name).unwrap();
        map["data"][file].as_str().unwrap().to_owned()
    };
    let file = folder.path().join("config.yaml");
    let read = |rendered: &[Value]| {
        fs::write(&file, data(rendered, "countersign-webhook", "config.yaml")).unwrap();
        let words = [
            "countersign-webhook".into(),
            "--config".into(),
            file.clone().into_os_string(),
        ];
        Config::read(words).unwrap()
    };
    for (_, values) in SETS {
        read(&objects(&chart.rendered(values)));
    }
    let config = read(&objects(&chart.rendered(&more)));
    let TlsConfig::SelfMade(made) = &config.tls else {
        panic!("{:?}", config.tls);
    };
    assert_eq!(
        (made.secret.as_str(), made.service.as_str()),
        ("countersign-webhook-tls", "countersign-webhook")
    );
    assert!(config.events && config.kubernetes == Which::InCluster);

    let rendered = objects(&chart.rendered(&[PLAIN, &more].concat()));
    let config = read(&rendered);
    assert_eq!(config.most_reviews, 512);
    assert_eq!(config.images[0].of.to_string(), "Rollout.argoproj.io");
    let TlsConfig::Files { certificate, .. } = &config.tls else {
        panic!("{:?}", config.tls);
    };
    assert_eq!(
        certificate,
        std::path::Path::new("/etc/countersign/tls/tls.crt")
    );
    assert!(config.mutate);
    let deployment = find(&rendered, "Deployment", "countersign-webhook").unwrap();
    let grace = &deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    let longest = config.drain + config.timeout;
    assert!(grace.as_u64().unwrap() > longest.as_secs(), "{grace}");

    let policy = folder.path().join("policy.yaml");
    fs::write(
        &policy,
        data(&rendered, "countersign-policy", "policy.yaml"),
    )
    .unwrap();
    assert!(countersign::load_policies(&policy).is_ok());
    // The overlay begins with the same.
    let overlaid = workspace().join("deploy/kustomize/overlays/audit/policy.yaml");
    assert_eq!(
        fs::read(overlaid).unwrap(),
        fs::read(deploy("helm/countersign/files/starter.yaml")).unwrap()
    );
}
