//! Installed for real, with no replica that answers: there is no node on which any could run.

use countersign_e2e::eventually;
use serde_json::{Value, json};

use crate::chart::deploy;
use crate::lab::{Lab, configuration};

/// The API server gives up after a second.
const VALUES: [&str; 2] = ["enforce.namespaces={shop}", "timeout=1"];

/// Some authority's certificate, PEM in base64.
const CA: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJiekNDQVJXZ0F3SUJBZ0lVTnlYYUZTRWxENEZwbk5ZYXEvUXplcFJPekFBd0NnWUlLb1pJemowRUF3SXcKRERFS01BZ0dBMVVFQXd3QllUQWdGdzB5TmpFeE1qa3hOVEV3TVRSYUdBOHlNVEkyTVRFd05URTFNVEF4TkZvdwpEREVLTUFnR0ExVUVBd3dCWVRCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OUF3RUhBMElBQklUUXZubkl4VlFZCitObVMwdXhUUGluTzdhYXEyZDU1TWtnd1hFMkEwcTZjTGYxNXk3SnpiMy9KakZ0UFpLN2pHejBERk5KcjNTR1YKM1dBaW9sbk9BK21qVXpCUk1CMEdBMVVkRGdRV0JCU0MwQWZqOWQ4MDFFaFpBVUlqTmpPdGhDUWZzakFmQmdOVgpIU01FR0RBV2dCU0MwQWZqOWQ4MDFFaFpBVUlqTmpPdGhDUWZzakFQQmdOVkhSTUJBZjhFQlRBREFRSC9NQW9HCkNDcUdTTTQ5QkFNQ0EwZ0FNRVVDSVFDYXBvNHd2bFNnVXNySitmZEtUWEJRZlYySWR6Uk9lSUc5YThTclFTdkUKVGdJZ1VsWXBMYlR4Y0lJSDJuRHZpSDh1dDZRa24xejFQeFd0bi8rNGszSWtZVkU9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";

#[test]
fn without_a_replica_what_is_enforced_is_blocked_and_nothing_else() {
    let Some(lab) = Lab::wait() else { return };
    for namespace in ["shop", "garden"] {
        lab.namespace(namespace);
    }
    assert!(lab.create_pod("shop", "old", "a.example/a").is_done());
    let deployments = "/apis/apps/v1/namespaces/shop/deployments";
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "a.example/a"}]},
        }},
    });
    assert!(lab.admin().create(deployments, &web).unwrap().is_done());

    // The namespace admits Pods of the profile `restricted` alone, and has the quota that lets them have their class.
    let namespace = lab.chart.text(
        &["namespace.create=true"],
        &["-s", "templates/namespace.yaml"],
    );
    let said = lab.kubectl(&["apply"], &namespace);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let rendered = lab.chart.rendered(&VALUES);
    let said = lab.kubectl(&["apply"], &rendered);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    assert_eq!(said.stderr, "", "a warning");
    let blocked = eventually("a refusal in shop", || {
        let answer = lab.create_pod("shop", "new", "a.example/a");
        if answer.is_done() {
            lab.admin().delete("/api/v1/namespaces/shop/pods/new")?;
        }
        Ok((!answer.is_done()).then_some(answer))
    })
    .unwrap();
    assert_eq!(blocked.status, 500, "{blocked:?}");
    let message = blocked.message();
    assert!(
        message.contains("failed calling webhook \"validate.countersign.dev\""),
        "{message}"
    );

    // Its own Pods come up, and again.
    for pod in &replaced(&lab) {
        assert_eq!(pod["spec"]["priority"], 2_000_000_000, "{pod}");
        assert_eq!(
            pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"],
            true
        );
    }
    // So does what leads the cluster, and what nobody enforces.
    eventually("the service account of kube-system", || {
        let path = "/api/v1/namespaces/kube-system/serviceaccounts/default";
        Ok(lab.admin().get(path)?.is_done().then_some(()))
    })
    .unwrap();
    for namespace in ["kube-system", "garden"] {
        let answer = lab.create_pod(namespace, "unblocked", "a.example/a");
        assert!(answer.is_done(), "{namespace}: {answer:?}");
    }

    // What was there can go on, and go.
    let old = "/api/v1/namespaces/shop/pods/old";
    let image = json!({"spec": {"containers": [{"name": "app", "image": "a.example/b"}]}});
    let changed = lab.admin().patch(old, &image).unwrap();
    assert!(!changed.is_done(), "{changed:?}");
    assert!(!lab.admin().create(deployments, &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "other"}, "spec": web["spec"]})).unwrap().is_done());
    for (what, path, change) in [
        (
            "a label",
            old.to_owned(),
            json!({"metadata": {"labels": {"a": "b"}}}),
        ),
        (
            "scaling",
            format!("{deployments}/web/scale"),
            json!({"spec": {"replicas": 1}}),
        ),
        (
            "status",
            format!("{old}/status"),
            json!({"status": {"message": "a"}}),
        ),
    ] {
        let answer = lab.admin().merge(&path, &change).unwrap();
        assert!(answer.is_done(), "{what}: {answer:?}");
    }
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let made = lab
        .admin()
        .create("/api/v1/namespaces/shop/configmaps", &map)
        .unwrap();
    assert!(made.is_done(), "{made:?}");
    assert!(lab.admin().delete(old).unwrap().is_done());

    // Everywhere but there is not here.
    let everywhere = lab.chart.rendered(&["enforce.namespaces=all", "timeout=1"]);
    let said = lab.kubectl(&["apply"], &everywhere);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    eventually("a refusal in garden", || {
        let answer = lab.create_pod("garden", "other", "a.example/a");
        if answer.is_done() {
            lab.admin().delete("/api/v1/namespaces/garden/pods/other")?;
        }
        Ok((!answer.is_done()).then_some(()))
    })
    .unwrap();
    let answer = lab.create_pod("kube-system", "unblocked-still", "a.example/a");
    assert!(answer.is_done(), "{answer:?}");
    replaced(&lab);

    // The configurations go first.
    for name in ["countersign-enforce", "countersign-audit"] {
        assert!(lab.admin().delete(&configuration(name)).unwrap().is_done());
    }
    let said = lab.kubectl(&["delete", "--ignore-not-found"], &rendered);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    lab.until_pods(0);
}

/// Deletes the Pods of countersign and waits for those that its ReplicaSet makes in their place.
fn replaced(lab: &Lab) -> Vec<Value> {
    let gone = lab.until_pods(2);
    for name in &gone {
        let path = format!("/api/v1/namespaces/countersign/pods/{name}");
        assert!(lab.admin().delete(&path).unwrap().is_done());
    }
    eventually("other Pods of countersign", || {
        let pods = lab.own_pods();
        let is_new = |it: &Value| {
            !gone
                .iter()
                .any(|name| it["metadata"]["name"] == name.as_str())
        };
        let all_new = pods.len() == 2 && pods.iter().all(is_new);
        Ok(all_new.then_some(pods))
    })
    .unwrap()
}

#[test]
fn an_upgrade_leaves_what_others_wrote_and_takes_away_what_is_no_longer_named() {
    let Some(lab) = Lab::wait() else { return };
    lab.namespace("countersign");
    let chart = deploy("helm/countersign").display().to_string();
    let values = VALUES
        .iter()
        .flat_map(|it| ["--set", it])
        .collect::<Vec<_>>();
    let notes = lab.helm(&[&["install", "countersign", &chart], &values[..]].concat());
    assert!(
        notes.contains("It keeps out what policies deny in: shop."),
        "{notes}"
    );
    // As the webhook does with `--tls self`.
    let bundle = json!([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": CA}]);
    for name in ["countersign-enforce", "countersign-audit"] {
        let mut command = lab.chart.parts.command("kubectl");
        command
            .arg("--kubeconfig")
            .arg(lab.cluster.admin_kubeconfig())
            .args([
                "patch",
                "validatingwebhookconfiguration",
                name,
                "--type=json",
                "-p",
            ])
            .arg(bundle.to_string());
        let said = countersign_e2e::outcome(&mut command).unwrap();
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
    let kept = |name: &str| {
        let found = lab.admin().get(&configuration(name)).unwrap();
        found.body["webhooks"][0]["clientConfig"]["caBundle"].clone()
    };
    lab.helm(
        &[
            &["upgrade", "countersign", &chart, "--set", "replicas=3"],
            &values[..],
        ]
        .concat(),
    );
    lab.until_pods(3);
    for name in ["countersign-enforce", "countersign-audit"] {
        assert_eq!(kept(name), CA, "{name}");
    }
    let notes = lab.helm(&["upgrade", "countersign", &chart, "--set", "timeout=1"]);
    assert!(notes.contains("It denies nothing anywhere."), "{notes}");
    assert_eq!(
        lab.admin()
            .get(&configuration("countersign-enforce"))
            .unwrap()
            .status,
        404
    );
    assert_eq!(kept("countersign-audit"), CA);
    lab.helm(&["uninstall", "countersign"]);
    assert_eq!(
        lab.admin()
            .get(&configuration("countersign-audit"))
            .unwrap()
            .status,
        404
    );
    lab.until_pods(0);
}
