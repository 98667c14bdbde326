//! One digest from dev to production, gate by gate, by the command and by the webhook of a real API server.

use countersign_e2e::{CLUSTER_PARTS, Cluster, eventually};

use crate::cluster::{Gatekeeper, NAMESPACES};
use crate::gate::GATES;
use crate::lab::Lab;

#[test]
fn one_digest_goes_from_dev_to_production_as_its_gates_say_yes() {
    let Some(lab) = Lab::set(&CLUSTER_PARTS) else {
        return;
    };
    let cluster = Cluster::shared(&lab.parts).unwrap();
    for namespace in NAMESPACES {
        // Another test may have made it.
        let _ = cluster.namespace(namespace);
    }
    let webhook = Gatekeeper::start(&lab, &cluster, "path", &lab.path("trace"));
    // Nothing is pushed again: this is the image in all four of them.
    let image = lab.push("path");
    let reaches = |step: &str, stages: usize| {
        for (number, namespace) in NAMESPACES.into_iter().enumerate() {
            let admitted = number < stages;
            let said = lab.verify(&image, namespace, &lab.path("verify"));
            let code = if admitted { 0 } else { 1 };
            assert_eq!(said.code, Some(code), "{step}, {namespace}: {said:#?}");
            let answer = webhook.until(namespace, &image, admitted);
            eprintln!(
                "{step:>22}  {namespace:<10}  {}",
                if admitted { "admitted" } else { "denied" }
            );
            if !admitted {
                assert_eq!(answer.status, 403, "{step}, {namespace}: {answer:?}");
            }
        }
    };
    // Why it is kept out of production, as soon as the webhook has heard of it: lists of evidence are remembered for five seconds.
    let denied = |code: &str| {
        let message = eventually(code, || {
            let answer = webhook.until("production", &image, false);
            let message = answer.message();
            Ok(message.contains(code).then(|| message.to_owned()))
        })
        .unwrap();
        eprintln!("{message}");
        message
    };

    reaches("pushed", 0);
    lab.build(&image);
    reaches("built", 1);
    for (gate, stages) in GATES.iter().zip([1, 2, 3, 3, 3]) {
        if gate.file == "canary.json" {
            lab.attest(gate, gate.by, &gate.no(), &image);
            reaches("canary has failed", stages);
            let message = denied("expression-false");
            assert!(
                message.contains("failed tests: error-rate"),
                "what failed is told to whoever is denied: {message}"
            );
        }
        lab.attest(gate, gate.by, &gate.yes(), &image);
        reaches(gate.file, stages);
    }
    denied("no-summary");
    let (output, report) = lab.promote(&image);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let subject = format!("@{}", report["digest"].as_str().unwrap());
    assert!(image.ends_with(&subject), "{report}");
    reaches("promoted", 4);
}
