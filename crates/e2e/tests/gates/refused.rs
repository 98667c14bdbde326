//! What stops a promotion, for each gate: as data.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::gate::{GATES, Gate};
use crate::lab::{Lab, PROMOTION};
use crate::page;

/// What was refused: each rule that did not pass, with its reason and message.
fn refused(lab: &Lab, image: &str) -> Vec<(String, String, String)> {
    let (output, report) = lab.promote(image);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(report["outcome"], "refused", "{report}");
    assert_eq!(report["refused"]["code"], "denied", "{report}");
    let rules = &report["record"]["images"][0]["policies"][0]["rules"];
    let text = |rule: &Value, field: &str| rule[field].as_str().unwrap().to_owned();
    let failed = rules.as_array().unwrap().iter();
    failed
        .filter(|rule| rule["code"].is_string())
        .map(|rule| {
            (
                text(rule, "name"),
                text(rule, "code"),
                text(rule, "message"),
            )
        })
        .collect()
}

/// The reason and message of this gate's rule, among whatever else failed.
fn why(lab: &Lab, image: &str, gate: &Gate) -> (String, String) {
    let all = refused(lab, image);
    let found = all.iter().find(|(rule, ..)| rule == gate.rule);
    let (_, code, message) = found.unwrap_or_else(|| panic!("{} passed: {all:?}", gate.rule));
    (code.clone(), message.clone())
}

/// The same where nothing else may have failed.
fn only(lab: &Lab, image: &str, gate: &Gate) -> (String, String) {
    let all = refused(lab, image);
    assert_eq!(all.len(), 1, "{}: {all:?}", gate.rule);
    why(lab, image, gate)
}

/// Timestamps have whole seconds: what is attested next is proven to be newer.
fn wait_for_the_next_second() {
    thread::sleep(Duration::from_millis(1_100));
}

#[test]
fn a_gate_that_does_not_say_yes_stops_promotion() {
    let Some(lab) = Lab::set(&[]) else {
        return;
    };
    let mut table = Vec::new();
    let mut row = |gate: &Gate, what: &str, (code, message): (String, String)| {
        eprintln!("{:<14} {what:<14} {code}: {message}", gate.rule);
        table.push((gate.rule, what.to_owned(), code));
        message
    };
    let image = lab.built("refused");
    for gate in &GATES {
        row(gate, "missing", why(&lab, &image, gate));
        lab.attest(gate, gate.not_by, &gate.yes(), &image);
        row(gate, "by another", why(&lab, &image, gate));
        lab.attest(gate, gate.by, &gate.yes(), &image);
    }
    // All say yes, and each once no.
    for gate in &GATES {
        wait_for_the_next_second();
        lab.attest(gate, gate.by, &gate.no(), &image);
        let message = row(gate, "no", only(&lab, &image, gate));
        let (_, told) = gate.failed;
        assert!(message.contains(told), "{told}: {message}");
        if gate.file == "canary.json" {
            assert!(message.starts_with(page::message()), "{message}");
        }
        if gate.file != "scan.json" {
            wait_for_the_next_second();
            let partly = json!({"result": "PASSED", "configuration": []});
            lab.attest(gate, gate.by, &partly, &image);
            if gate.file != "tests.json" {
                row(gate, "half of it", only(&lab, &image, gate));
            }
        }
        wait_for_the_next_second();
        lab.attest(gate, gate.by, &gate.yes(), &image);
    }
    for gate in &GATES {
        lab.write_policy(PROMOTION, |text| shorter(&text, gate));
        row(gate, "stale", only(&lab, &image, gate));
    }
    lab.write_policy(PROMOTION, |text| text);
    let other = lab.built("refused-again");
    let count = replant(&lab, &image, &other);
    assert!(count >= GATES.len(), "{count} pieces of evidence");
    for gate in &GATES {
        row(gate, "of another", why(&lab, &other, gate));
    }

    let codes: BTreeSet<&str> = table.iter().map(|(.., code)| code.as_str()).collect();
    assert_eq!(
        codes,
        page::reasons().into_iter().collect(),
        "the page's table"
    );
    for gate in &GATES {
        let expected = [
            ("missing", gate.missing),
            ("by another", "subject-mismatch"),
            ("no", gate.failed.0),
            ("half of it", "expression-wrong"),
            ("stale", "too-old"),
            ("of another", "digest-mismatch"),
        ];
        for (rule, what, code) in table.iter().filter(|(rule, ..)| *rule == gate.rule) {
            let (_, wanted) = expected.iter().find(|(it, _)| it == what).unwrap();
            assert_eq!(code, wanted, "{rule}, {what}");
        }
    }
    // 5 gates by 5, and those three of which half can be told.
    assert_eq!(table.len(), 5 * 5 + 3);

    // The image itself is as good as it was.
    let (output, _) = lab.promote(&image);
    assert_eq!(output.code, Some(0), "{output:#?}");
}

/// The policy in which this gate's verdict is stale after a second.
fn shorter(text: &str, gate: &Gate) -> String {
    let (before, rule) = text
        .split_once(&format!("- name: {}\n", gate.rule))
        .unwrap();
    let age = format!("maxAge: {}\n", gate.age);
    assert!(rule.contains(&age), "{rule}");
    format!(
        "{before}- name: {}\n{}",
        gate.rule,
        rule.replacen(&age, "maxAge: 1s\n", 1)
    )
}

/// Attaches to `to` all that is attached to `from`, as whoever can push may: how many pieces.
fn replant(lab: &Lab, from: &str, to: &str) -> usize {
    let digest = |image: &str| image.split_once('@').unwrap().1.to_owned();
    let manifest = |digest: &str| format!("/v2/acme/app/manifests/{digest}");
    let ask = |method: &str, path: &str, body: &str| -> Value {
        let mut stream = TcpStream::connect(lab.registry.host()).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 20"), "{method} {path}: {head}");
        serde_json::from_str(body).unwrap_or_default()
    };
    let subject = ask("GET", &manifest(&digest(to)), "");
    let size = subject.to_string().len();
    let listed = ask(
        "GET",
        &format!("/v2/acme/app/referrers/{}", digest(from)),
        "",
    );
    let listed = listed["manifests"].as_array().unwrap();
    for (number, one) in listed.iter().enumerate() {
        let mut planted = ask("GET", &manifest(one["digest"].as_str().unwrap()), "");
        planted["subject"]["digest"] = json!(digest(to));
        planted["subject"]["size"] = json!(size);
        let tag = format!("planted-{number}");
        ask("PUT", &manifest(&tag), &planted.to_string());
    }
    listed.len()
}
