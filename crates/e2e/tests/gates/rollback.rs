//! The way back: what ran in production runs there again while the CI provider, the registry's API for tags and the transparency log are down,
//! each and all of them, by the command and by a webhook that has never seen the image. Nobody but the registry is asked, and never by a tag.

use std::collections::BTreeSet;
use std::fs;

use countersign_e2e::{CLUSTER_PARTS, Cluster, SigningKey, Weather, contacts, eventually, outcome};
use serde_json::json;

use crate::cluster::{Gatekeeper, NAMESPACES, replacing};
use crate::gate::{BUILD, identity};
use crate::lab::Lab;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/production/deployments";
const PODS: &str = "/api/v1/namespaces/production/pods?labelSelector=app%3Dapp";

/// What is down; each stays so.
const OUTAGES: [&str; 4] = ["nothing", "tags", "ci-provider", "transparency-log"];

#[test]
fn what_ran_in_production_comes_back_while_other_services_are_down() {
    let Some(mut lab) = Lab::set(&CLUSTER_PARTS) else {
        return;
    };
    outcome(std::process::Command::new("strace").arg("--version"))
        .expect("strace has to be installed");
    let cluster = Cluster::shared(&lab.parts).unwrap();
    for namespace in NAMESPACES {
        // Another test may have made it.
        let _ = cluster.namespace(namespace);
    }
    let key = SigningKey::generate(&lab.parts, &lab.path("key")).unwrap();
    let [old, new] = ["old", "new"].map(|name| {
        let image = lab.built(name);
        lab.pass_all(&image);
        let (output, _) = lab.promote(&image);
        assert_eq!(output.code, Some(0), "{output:#?}");
        image
    });
    // Built and signed like them, and no gate has been asked.
    let never = lab.built("never");

    let admin = cluster.admin();
    let place = format!("{DEPLOYMENTS}/app");
    // Rolls out, and waits for the one Pod that is to come of it.
    let roll_out = |image: &str| {
        let container = json!({"name": "app", "image": image});
        let change = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        let answer = admin.merge(&place, &change).unwrap();
        assert!(answer.is_done(), "{answer:?}");
        eventually(&format!("a Pod of {image}"), || {
            let pods = admin.get(PODS)?.body;
            let pods = pods["items"].as_array().cloned().unwrap_or_default();
            let running = |pod: &serde_json::Value| pod["spec"]["containers"][0]["image"] == image;
            Ok((pods.len() == 1 && pods.iter().all(running)).then_some(()))
        })
        .unwrap();
    };

    for outage in OUTAGES {
        match outage {
            "tags" => {
                lab.proxy.turn(Weather::Tagless);
                let tag = format!("{}/acme/app:old", lab.proxy.host());
                let by_tag = lab.countersign.run(&["evidence", &tag, "--plain-http"]);
                let by_tag = by_tag.unwrap();
                assert_eq!(by_tag.code, Some(2), "{by_tag:#?}");
                assert!(by_tag.stdout.contains("503"), "{by_tag:#?}");
            }
            "ci-provider" => {
                lab.sigstore.end_issuing();
                assert!(lab.sigstore.sign3(&identity(BUILD), &old).is_err());
            }
            "transparency-log" => {
                lab.sigstore.end_witnessing();
                assert!(key.witnessed_by(&lab.sigstore).sign3(&old).is_err());
            }
            _ => {}
        }
        let registry: BTreeSet<String> = [lab.proxy.host()].into();
        let begun = lab.proxy.asked().len();
        // The command, and a webhook without any memory.
        let trace = lab.path("verify");
        for image in [&old, &new] {
            let said = lab.verify(image, "production", &trace);
            assert_eq!(said.code, Some(0), "{outage}: {said:#?}");
            assert_eq!(contacts(&trace).unwrap(), registry, "{outage}");
        }
        let trace = lab.path(outage);
        let webhook = Gatekeeper::start(&lab, &cluster, outage, &trace);
        let asked = lab.proxy.asked()[begun..].to_vec();
        assert!(
            !asked.is_empty() && asked.iter().all(|it| is_by_digest(it)),
            "{asked:#?}"
        );
        // It is there: what never was in production stays out, whether nobody can tell or everybody knows.
        let answer = webhook.until("production", &never, false);
        assert!([403, 503].contains(&answer.status), "{outage}: {answer:?}");
        let begun = lab.proxy.asked().len();
        if outage == "nothing" {
            let answer = admin.create(DEPLOYMENTS, &replacing(&old)).unwrap();
            assert!(answer.is_done(), "{answer:?}");
        }
        roll_out(&new);
        roll_out(&old);
        let asked = lab.proxy.asked()[begun..].to_vec();
        assert!(
            !asked.is_empty() && asked.iter().all(|it| is_by_digest(it)),
            "{asked:#?}"
        );
        assert_eq!(contacts(&trace).unwrap(), registry, "{outage}");
        eprintln!(
            "{outage:>16} down: rolled back to {old}; {} requests to the registry, none by a tag, and none to anybody else",
            asked.len()
        );
        fs::remove_file(&trace).unwrap();
    }
}

/// Whether a request line names no tag: what it asks for is named by its digest, or it asks for nothing.
fn is_by_digest(line: &str) -> bool {
    line.contains("sha256:") || line.starts_with("GET /v2/ ")
}
