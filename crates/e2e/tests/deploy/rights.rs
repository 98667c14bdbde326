//! What the service account may do under the roles that are rendered, and what it may not.

use serde_json::json;

use crate::chart::EVERYTHING;
use crate::lab::Lab;

/// A request: namespace (none: of the cluster, or all), group, resource, name (none: any), verb.
type Asked = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const CONFIGURATIONS: &str = "admissionregistration.k8s.io";

/// What it needs under every switch.
const MAY: [Asked; 27] = [
    ("", "", "namespaces", "shop", "get"),
    (
        "",
        CONFIGURATIONS,
        "validatingwebhookconfigurations",
        "countersign-enforce",
        "get",
    ),
    (
        "",
        CONFIGURATIONS,
        "validatingwebhookconfigurations",
        "countersign-enforce",
        "patch",
    ),
    (
        "",
        CONFIGURATIONS,
        "validatingwebhookconfigurations",
        "countersign-audit",
        "patch",
    ),
    (
        "",
        CONFIGURATIONS,
        "mutatingwebhookconfigurations",
        "countersign-mutate",
        "patch",
    ),
    ("shop", "events.k8s.io", "events", "", "create"),
    ("shop", "events.k8s.io", "events", "", "patch"),
    ("shop", "", "pods", "any", "get"),
    ("shop", "apps", "replicasets", "any", "get"),
    ("shop", "batch", "cronjobs", "any", "get"),
    ("", "countersign.dev", "policies", "", "list"),
    ("", "countersign.dev", "policies", "", "watch"),
    ("", "countersign.dev", "breakglasses", "", "get"),
    ("", "countersign.dev", "trustroots", "", "watch"),
    ("", "countersign.dev", "policies/status", "", "patch"),
    ("countersign", "coordination.k8s.io", "leases", "", "create"),
    (
        "countersign",
        "coordination.k8s.io",
        "leases",
        "countersign-webhook",
        "get",
    ),
    (
        "countersign",
        "coordination.k8s.io",
        "leases",
        "countersign-webhook",
        "update",
    ),
    ("countersign", "", "secrets", "", "create"),
    (
        "countersign",
        "",
        "secrets",
        "countersign-webhook-tls",
        "get",
    ),
    (
        "countersign",
        "",
        "secrets",
        "countersign-webhook-tls",
        "update",
    ),
    ("shop", "", "secrets", "any", "get"),
    ("shop", "", "serviceaccounts", "default", "get"),
    ("garden", "", "secrets", "registry", "get"),
    ("garden", "", "serviceaccounts", "default", "get"),
    ("", "countersign.dev", "settings", "", "list"),
    ("", "countersign.dev", "exceptions/status", "", "patch"),
];

/// What it must not, whatever is switched on.
const MAY_NOT: [Asked; 34] = [
    ("", "", "secrets", "", "list"),
    ("", "", "secrets", "", "watch"),
    ("", "", "secrets", "", "get"),
    ("shop", "", "secrets", "", "list"),
    ("shop", "", "secrets", "", "watch"),
    ("shop", "", "secrets", "", "create"),
    ("shop", "", "secrets", "any", "update"),
    ("garden", "", "secrets", "other", "get"),
    ("garden", "", "secrets", "", "list"),
    ("default", "", "secrets", "any", "get"),
    ("kube-system", "", "secrets", "any", "get"),
    ("countersign", "", "secrets", "other", "get"),
    ("countersign", "", "secrets", "", "list"),
    (
        "countersign",
        "",
        "secrets",
        "countersign-webhook-tls",
        "delete",
    ),
    ("default", "", "serviceaccounts", "default", "get"),
    ("shop", "", "serviceaccounts", "", "list"),
    ("shop", "", "serviceaccounts/token", "default", "create"),
    ("", "", "namespaces", "", "list"),
    ("", "", "namespaces", "shop", "patch"),
    ("shop", "", "pods", "", "list"),
    ("shop", "", "pods", "", "create"),
    ("shop", "", "configmaps", "", "get"),
    ("shop", "", "events", "", "create"),
    ("shop", "events.k8s.io", "events", "", "list"),
    ("shop", "apps", "deployments", "any", "patch"),
    (
        "",
        CONFIGURATIONS,
        "validatingwebhookconfigurations",
        "others",
        "patch",
    ),
    (
        "",
        CONFIGURATIONS,
        "validatingwebhookconfigurations",
        "",
        "create",
    ),
    (
        "",
        CONFIGURATIONS,
        "validatingwebhookconfigurations",
        "countersign-enforce",
        "delete",
    ),
    (
        "",
        CONFIGURATIONS,
        "mutatingwebhookconfigurations",
        "others",
        "patch",
    ),
    ("", "countersign.dev", "policies", "", "create"),
    ("", "countersign.dev", "policies", "any", "patch"),
    (
        "countersign",
        "coordination.k8s.io",
        "leases",
        "others",
        "update",
    ),
    ("shop", "coordination.k8s.io", "leases", "", "create"),
    (
        "",
        "rbac.authorization.k8s.io",
        "clusterroles",
        "countersign-webhook",
        "patch",
    ),
];

fn may(lab: &Lab, (namespace, group, resource, name, verb): Asked) -> bool {
    let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {
            "user": "system:serviceaccount:countersign:countersign-webhook",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:countersign", "system:authenticated"],
            "resourceAttributes": {
                "namespace": namespace, "group": group, "resource": resource, "subresource": sub, "name": name, "verb": verb,
            },
        },
    });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = lab.admin().create(path, &review).unwrap();
    assert!(answer.is_done(), "{answer:?}");
    answer.body["status"]["allowed"].as_bool().unwrap()
}

/// Applies the roles of these values, asks, and takes them away again.
fn under(lab: &Lab, values: &[&str], ask: impl FnOnce()) {
    let roles = lab.chart.text(values, &["-s", "templates/rbac.yaml"]);
    let said = lab.kubectl(&["apply"], &roles);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    // The authorizer hears of them a little later.
    countersign_e2e::eventually("the roles", || Ok(may(lab, MAY[0]).then_some(()))).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    ask();
    let said = lab.kubectl(&["delete"], &roles);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    countersign_e2e::eventually("the end of the roles", || {
        Ok((!may(lab, MAY[0])).then_some(()))
    })
    .unwrap();
}

#[test]
fn the_service_account_may_what_it_needs_and_no_more() {
    let Some(lab) = Lab::wait() else { return };
    for namespace in ["countersign", "shop", "garden"] {
        lab.namespace(namespace);
    }
    under(&lab, EVERYTHING, || {
        for asked in MAY {
            assert!(may(&lab, asked), "it may not {asked:?}");
        }
        for asked in MAY_NOT {
            assert!(!may(&lab, asked), "it may {asked:?}");
        }
    });
    // Each switch that is off takes its rights along.
    let plain = ["tls.mode=files", "events=false"];
    under(&lab, &plain, || {
        let [namespaces, others @ ..] = MAY;
        assert!(may(&lab, namespaces));
        for asked in others.iter().chain(&MAY_NOT) {
            assert!(!may(&lab, *asked), "it may {asked:?}");
        }
    });
    // With nothing to ask there is nobody to ask as.
    let none = lab.chart.rendered(crate::chart::PLAIN);
    assert!(
        !none.contains("kind: ClusterRole") && !none.contains("kind: Role"),
        "{none}"
    );
    assert!(
        none.contains("automountServiceAccountToken: false")
            && !none.contains("automountServiceAccountToken: true")
    );
}
