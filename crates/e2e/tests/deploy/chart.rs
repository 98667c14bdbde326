//! The chart, rendered.

use std::path::PathBuf;

use countersign_core::{Documents, ManifestObject};
use countersign_e2e::{Output, Parts, outcome, parts, workspace};
use serde_json::Value;

/// What `deploy/` is for.
pub(crate) const DEPLOY_PARTS: [&str; 2] = ["helm", "kubectl"];

/// `helm` and `kubectl` over `deploy/`.
pub(crate) struct Chart {
    pub(crate) parts: Parts,
}

/// Values that are rendered everywhere below, each with a name.
pub(crate) const SETS: [(&str, &[&str]); 8] = [
    ("as it stands", &["namespace.create=true"]),
    ("enforced in shop", ENFORCED),
    ("enforced everywhere", &["enforce.namespaces=all"]),
    (
        "digests written",
        &["enforce.namespaces={shop}", "mutate.enabled=true"],
    ),
    ("certificates of others", PLAIN),
    ("cert-manager", CERT_MANAGER),
    (
        "an issuer of cert-manager that exists",
        &[
            "tls.mode=cert-manager",
            "tls.certManager.issuerRef.name=acme",
            "tls.certManager.issuerRef.kind=ClusterIssuer",
        ],
    ),
    ("everything", EVERYTHING),
];

pub(crate) const ENFORCED: &[&str] = &["enforce.namespaces={shop}"];
pub(crate) const CERT_MANAGER: &[&str] = &["tls.mode=cert-manager"];
/// Nothing is asked of the Kubernetes API.
pub(crate) const PLAIN: &[&str] = &["tls.mode=files", "kubernetesApi=false", "events=false"];
/// Whatever can be switched on.
pub(crate) const EVERYTHING: &[&str] = &[
    "enforce.namespaces={shop}",
    "mutate.enabled=true",
    "mutate.namespaces=all",
    "policyResources=true",
    "policyConfigMap=acme-policies",
    "pullSecrets.enabled=true",
    "pullSecrets.namespaces={shop}",
    "pullSecrets.namespaces[1].name=garden",
    "pullSecrets.namespaces[1].secretNames={registry}",
    "customResources[0].group=argoproj.io",
    "customResources[0].versions={v1alpha1}",
    "customResources[0].resource=rollouts",
    "customResources[0].kind=Rollout",
    "customResources[0].path=spec.template.spec",
    "customResources[0].holds=podSpec",
    "registries=kind: Registries",
    "dockerConfig.secretName=registries",
    "imagePullSecrets={registry}",
    "image.digest=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "cache.volumeClaim=evidence",
    "config.mostReviews=512",
    "priorityClassName=",
    "tolerations[0].operator=Exists",
    "podAnnotations.a=b",
    "extraEnv[0].name=HTTPS_PROXY",
    "extraEnv[0].value=http://proxy.example:3128",
    "extraVolumes[0].name=more",
    "extraVolumes[0].emptyDir.sizeLimit=1Mi",
    "extraVolumeMounts[0].name=more",
    "extraVolumeMounts[0].mountPath=/more",
    "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=monitoring",
    "monitoring.serviceMonitor=true",
    "monitoring.labels.release=prometheus",
];

impl Chart {
    /// Nothing where the real parts are not asked for.
    pub(crate) fn found() -> Option<Self> {
        parts(&DEPLOY_PARTS).map(|parts| Self { parts })
    }

    /// What `helm template` says with these values (`a.b=c`), and further arguments.
    pub(crate) fn template(&self, values: &[&str], more: &[&str]) -> Output {
        let mut command = self.parts.command("helm");
        command
            .args(["template", "countersign"])
            .arg(deploy("helm/countersign"))
            .args(["--namespace", "countersign", "--kube-version", "1.35.0"])
            .args(values.iter().flat_map(|it| ["--set", it]))
            .args(more);
        outcome(&mut command).unwrap()
    }

    /// The text that it renders with these values.
    pub(crate) fn rendered(&self, values: &[&str]) -> String {
        self.text(values, &[])
    }

    /// The same with further arguments.
    pub(crate) fn text(&self, values: &[&str], more: &[&str]) -> String {
        let said = self.template(values, more);
        assert_eq!(said.code, Some(0), "{values:?}: {}", said.stderr);
        said.stdout
    }

    /// What `kubectl kustomize` makes of a folder of `deploy/kustomize`.
    pub(crate) fn kustomized(&self, folder: &str) -> String {
        let mut command = self.parts.command("kubectl");
        command
            .arg("kustomize")
            .arg(deploy("kustomize").join(folder));
        let said = outcome(&mut command).unwrap();
        assert_eq!(said.code, Some(0), "{folder}: {}", said.stderr);
        said.stdout
    }
}

/// A path in `deploy/`.
pub(crate) fn deploy(path: &str) -> PathBuf {
    workspace().join("deploy").join(path)
}

/// The objects of a text, as JSON, by kind, namespace and name.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for document in Documents::new(text) {
        let document = document.unwrap();
        let objects = ManifestObject::all(&document).unwrap();
        all.extend(objects.iter().map(|it| it.value().clone()));
    }
    all.sort_by_key(|it| {
        let metadata = &it["metadata"];
        [&it["kind"], &metadata["namespace"], &metadata["name"]].map(Value::to_string)
    });
    all
}

/// The object of this kind and name among them.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    let mut all = objects.iter();
    all.find(|it| it["kind"] == kind && it["metadata"]["name"] == name)
}
