//! `countersign-webhook plan`, over what `deploy/` has, whole and broken.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the program said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `plan -f -` over this text, with further arguments.
fn plan(text: &str, more: &[&str]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign-webhook"))
        .args(["plan", "-f", "-"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The base and what enforces in `shop`, as the chart renders them.
fn rendered() -> String {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kustomize");
    ["base/countersign.yaml", "overlays/enforce/enforce.yaml"]
        .map(|name| fs::read_to_string(deploy.join(name)).unwrap())
        .join("\n---\n")
}

/// The same with `from`, which has to be there, replaced by `to`.
fn broken(from: &str, to: &str) -> String {
    let text = rendered();
    assert!(text.contains(from), "nothing of `{from}`");
    text.replace(from, to)
}

const EXCLUDED: &str =
    "- {key: kubernetes.io/metadata.name, operator: NotIn, values: [countersign, kube-system]}";
const NAMED: &str = "- {key: kubernetes.io/metadata.name, operator: In, values: [shop]}";
const SELECTOR: &str = "    namespaceSelector:\n      matchExpressions:\n        - {key: kubernetes.io/metadata.name, operator: NotIn, values: [countersign, kube-system]}\n        - {key: kubernetes.io/metadata.name, operator: In, values: [shop]}\n";
const RULE: &str = "      - apiGroups: [batch]\n        apiVersions: [v1]\n        operations: [CREATE, UPDATE]\n        resources: [jobs, cronjobs]\n        scope: Namespaced\n";

/// Objects of people, in `shop` and beside it.
const WORKLOADS: &str = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: acme.example/web}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: garden}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: acme.example/web}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: acme.example/job}]}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: canary, namespace: shop}
";

#[test]
fn what_the_chart_renders_blocks_where_it_is_meant_to() {
    let said = plan(&(rendered() + WORKLOADS), &[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    for text in [
        "Creates 20 objects:\n  Namespace countersign\n",
        "  Deployment.apps countersign/countersign-webhook\n",
        "ValidatingWebhookConfiguration countersign-audit, webhook audit.countersign.dev (failurePolicy: Ignore): while nobody answers, nothing is refused\n",
        "ValidatingWebhookConfiguration countersign-enforce, webhook validate.countersign.dev (failurePolicy: Fail): while nobody answers, what it is asked about is REFUSED\n",
        "  asked about  CREATE, UPDATE of jobs.batch, cronjobs.batch\n",
        "  namespaces   name notin (countersign, kube-system),name in (shop)\n",
        "  only if      an-image-may-have-changed (a matchCondition, not evaluated here and taken to hold)\n",
        "  countersign  not covered: Pods can come up\n",
        "  kube-system  not covered: Pods can come up\n",
        "  would block  Deployment.apps shop/web (itself, its replicasets, its pods)\n",
        "  would block  CronJob.batch shop/nightly (itself, its jobs, its pods)\n",
        "Deployment.apps countersign/countersign-webhook answers behind countersign/countersign-webhook, with the images:\n",
        "(by tag; no webhook that blocks is asked about it)\n",
    ] {
        assert!(
            said.out.contains(text),
            "nothing of `{text}`:\n{}",
            said.out
        );
    }
    for text in [
        "garden/web (",
        "settings (",
        "canary (",
        "error:",
        "warning:",
    ] {
        assert!(!said.out.contains(text), "`{text}`:\n{}", said.out);
    }
    assert_eq!(said.out.matches("would block").count(), 2, "{}", said.out);
}

#[test]
fn programs_read_the_same_as_json() {
    let said = plan(&(rendered() + WORKLOADS), &["--format", "json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let plan: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(plan["apiVersion"], "countersign.dev/plan/v1alpha1");
    assert_eq!(plan["objects"].as_array().unwrap().len(), 20);
    let [audit, enforce] = plan["webhooks"].as_array().unwrap().as_slice() else {
        panic!("{plan}");
    };
    assert_eq!(audit["failurePolicy"], "Ignore");
    assert_eq!(audit["blocks"], Value::Array(Vec::new()));
    assert_eq!(enforce["ownNamespace"]["counts"], "no");
    assert_eq!(enforce["kubeSystem"], "no");
    assert_eq!(enforce["blocks"][0]["object"], "Deployment.apps shop/web");
    assert_eq!(enforce["blocks"][0]["isSure"], true);
    assert_eq!(plan["answering"][0]["judgedByBlocking"], false);
    assert_eq!(plan["findings"], Value::Array(Vec::new()));
}

#[test]
fn what_could_stop_the_cluster_is_an_error() {
    let one = |from: &str, to: &str| broken(from, to);
    for (what, text, expected) in [
        (
            "kube-system is not excluded",
            one(
                SELECTOR,
                &SELECTOR.replace(", kube-system]", "]").replace(NAMED, ""),
            ),
            vec!["in the namespace kube-system, on which the cluster stands"],
        ),
        (
            "its own namespace is not excluded",
            one(
                SELECTOR,
                &SELECTOR.replace("countersign, ", "").replace(NAMED, ""),
            ),
            vec![
                "in the namespace countersign, where the Pods of countersign/countersign-webhook run",
            ],
        ),
        (
            "its own namespace is named",
            one(
                SELECTOR,
                &SELECTOR
                    .replace(EXCLUDED, "")
                    .replace("[shop]", "[shop, countersign]"),
            ),
            vec!["in the namespace countersign, where"],
        ),
        (
            "no selector at all",
            one(SELECTOR, ""),
            vec![
                "in the namespace countersign, where",
                "in the namespace kube-system, on",
            ],
        ),
        (
            "excluded by a label that is not there, and of which nobody knows whether it is in kube-system",
            one(
                SELECTOR,
                "    namespaceSelector: {matchExpressions: [{key: acme.example/ignore, operator: DoesNotExist}]}\n",
            ),
            vec![
                "in the namespace countersign, where",
                "in the namespace kube-system (depending on labels that the input does not show)",
                "warning: -:",
                "counts by the label acme.example/ignore of namespaces",
            ],
        ),
        (
            "everything, whatever its scope",
            one(
                RULE,
                "      - {apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*']}\n",
            ),
            vec!["covers nodes, nodes/status, persistentvolumes"],
        ),
        (
            "the audit blocks",
            one("failurePolicy: Ignore", "failurePolicy: Fail"),
            vec![
                "countersign-audit, webhook audit.countersign.dev covers pods",
                "in the namespace kube-system, on",
                "blocks by failurePolicy: Fail at /validate-audit",
            ],
        ),
        (
            "the audit blocks because nothing is written",
            one("    failurePolicy: Ignore\n", ""),
            vec!["countersign-audit, webhook audit.countersign.dev covers pods"],
        ),
        (
            "the Service has another port",
            one("{name: https, port: 443,", "{name: https, port: 8443,"),
            vec!["asks nobody: the Service countersign/countersign-webhook has no port 443"],
        ),
        (
            "the Service selects nothing",
            one(
                "  selector:\n    app.kubernetes.io/name: countersign-webhook\n  ports:",
                "  selector:\n    app: countersign\n  ports:",
            ),
            vec!["asks nobody: the Service countersign/countersign-webhook selects no workload"],
        ),
    ] {
        let said = plan(&text, &[]);
        assert_eq!(said.code, Some(1), "{what}:\n{}{}", said.out, said.err);
        assert!(said.out.contains("\nerror: -:"), "{what}:\n{}", said.out);
        for text in expected {
            assert!(
                said.out.contains(text),
                "{what}: nothing of `{text}`:\n{}",
                said.out
            );
        }
    }
}

#[test]
fn what_is_likely_not_meant_is_a_warning() {
    for (what, text, expected) in [
        (
            "exempted by a label of theirs",
            broken(
                SELECTOR,
                &format!(
                    "{SELECTOR}    objectSelector: {{matchExpressions: [{{key: acme.example/skip, operator: DoesNotExist}}]}}\n"
                ),
            ),
            "counts by the label acme.example/skip of objects",
        ),
        (
            "exempted by who asks",
            broken(
                "- name: an-image-may-have-changed\n        expression: >-\n",
                "- {name: not-by-controllers, expression: \"!request.userInfo.username.startsWith('system:')\"}\n      - name: b\n        expression: >-\n",
            ),
            "goes by who asks (matchConditions: not-by-controllers)",
        ),
        (
            "an empty caBundle",
            broken(
                "path: /validate, port: 443}",
                "path: /validate, port: 443}\n      caBundle: \"\"",
            ),
            "countersign-enforce, webhook validate.countersign.dev has a caBundle in the manifest",
        ),
        (
            "it enforces and lets pass",
            broken("failurePolicy: Fail", "failurePolicy: Ignore"),
            "lets everything pass by failurePolicy: Ignore while /validate cannot be asked",
        ),
        (
            "one replica",
            broken("replicas: 2", "replicas: 1"),
            "has 1 replica",
        ),
        (
            "no class",
            broken(
                "priorityClassName: \"system-cluster-critical\"",
                "priorityClassName: \"\"",
            ),
            "names no priorityClassName",
        ),
        (
            "no budget",
            broken("kind: PodDisruptionBudget", "kind: PodDisruptionThing"),
            "no PodDisruptionBudget covers the Pods of countersign/countersign-webhook",
        ),
        (
            "no Service",
            broken("kind: Service\n", "kind: Servant\n"),
            "asks the Service countersign/countersign-webhook, which is not among the 15 objects",
        ),
    ] {
        let said = plan(&text, &[]);
        assert_eq!(said.code, Some(0), "{what}:\n{}{}", said.out, said.err);
        let is_told = said
            .out
            .lines()
            .any(|line| line.starts_with("warning: ") && line.contains(expected));
        assert!(is_told, "{what}:\n{}", said.out);
    }
}

#[test]
fn what_can_not_be_told_is_taken_for_the_worst() {
    // A custom resource whose plural nobody knows, and a definition that says it.
    let custom = "
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: canary, namespace: shop}
";
    let rule = RULE
        .replace("[batch]", "[argoproj.io]")
        .replace("jobs, cronjobs", "rollouts");
    let unknown = broken(RULE, &rule) + custom;
    let said = plan(&unknown, &[]);
    assert!(
        said.out
            .contains("would block  Rollout.argoproj.io shop/canary (itself, perhaps)"),
        "{}",
        said.out
    );
    for (plural, blocks) in [("rollouts", true), ("rolls", false)] {
        let definition = format!(
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {plural}.argoproj.io}}\nspec: {{group: argoproj.io, names: {{kind: Rollout, plural: {plural}}}}}\n"
        );
        let said = plan(&(unknown.clone() + &definition), &[]);
        let told = said
            .out
            .contains("would block  Rollout.argoproj.io shop/canary (itself)");
        assert_eq!(told, blocks, "{}", said.out);
    }

    // Pods only: what makes them may be written, and its Pods may not.
    let pods = "      - {apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods], scope: Namespaced}\n";
    let text = rendered();
    let (before, enforce) = text.split_once("name: countersign-enforce").unwrap();
    let (head, _) = enforce.split_once("    rules:\n").unwrap();
    let text = format!("{before}name: countersign-enforce{head}    rules:\n{pods}{WORKLOADS}");
    let said = plan(&text, &[]);
    assert!(
        said.out
            .contains("would block  Deployment.apps shop/web (its pods)\n"),
        "{}",
        said.out
    );
}

#[test]
fn what_cannot_be_read_is_no_plan() {
    for (what, text, expected) in [
        (
            "nothing",
            String::new(),
            "error: no object in what -f names",
        ),
        (
            "no object",
            "a: 1\n".to_owned(),
            "error: -:1:1: no Kubernetes object",
        ),
        ("no YAML", rendered() + "\n---\n{a: [\n", "error: -:"),
        (
            "an operator that Kubernetes does not have",
            broken("operator: NotIn", "operator: Without"),
            "ValidatingWebhookConfiguration.admissionregistration.k8s.io countersign-enforce: `webhooks`: unknown variant `Without`",
        ),
        (
            "a selector with a field that Kubernetes does not have",
            broken(
                "    namespaceSelector:\n      matchExpressions:",
                "    namespaceSelector:\n      expressions:",
            ),
            "unknown field `expressions`",
        ),
        (
            "another version",
            broken(
                "apiVersion: admissionregistration.k8s.io/v1\n",
                "apiVersion: admissionregistration.k8s.io/v1beta1\n",
            ),
            "`v1beta1` is no version of the API that is read here",
        ),
    ] {
        let said = plan(&text, &[]);
        assert_eq!(said.code, Some(3), "{what}: {}{}", said.out, said.err);
        assert!(said.out.is_empty(), "{what}: {}", said.out);
        assert!(said.err.contains(expected), "{what}: {}", said.err);
    }
    for words in [&["--format", "xml"][..], &["--nonsense"]] {
        assert_eq!(plan(&rendered(), words).code, Some(3), "{words:?}");
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_countersign-webhook"))
        .args(["plan", "-f", "/nonexistent/rendered.yaml"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(3));
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(
        said.starts_with("error: /nonexistent/rendered.yaml: "),
        "{said}"
    );
}
