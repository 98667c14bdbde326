//! From its start to its end.

use std::time::Duration;

use countersign_testkit::registry::Fault;

use crate::program::{Program, client};
use crate::scene::{Scene, review};

#[tokio::test]
async fn it_answers_over_https_by_http_1_and_2() {
    let scene = Scene::new();
    let program = Program::ready(&scene, &[]);
    for (client, version) in [
        (
            client(&scene.authority, &program).build().unwrap(),
            "HTTP/2.0",
        ),
        (
            client(&scene.authority, &program)
                .http1_only()
                .build()
                .unwrap(),
            "HTTP/1.1",
        ),
    ] {
        let url = format!(
            "https://{}:{}/readyz",
            crate::files::NAME,
            program.address.port()
        );
        let response = client.get(url).send().await.unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                format!("{:?}", response.version()).as_str()
            ),
            (200, version)
        );
        let allowed = program
            .ask(&client, "/validate?timeout=10s", &review(&[&scene.signed]))
            .await;
        assert_eq!(allowed["allowed"], true, "{allowed}");
        let denied = program
            .ask(
                &client,
                "/validate?timeout=10s",
                &review(&[&scene.unsigned]),
            )
            .await;
        assert_eq!(denied["status"]["code"], 403, "{denied}");
    }
    let metrics = client(&scene.authority, &program).build().unwrap();
    assert_eq!(program.plain("/healthz").await.0, 200);
    assert_eq!(program.plain("/readyz").await.0, 200);
    // Questions are answered at their own port alone.
    let url = format!("http://{}/validate", program.metrics);
    assert_eq!(
        metrics.post(url).send().await.unwrap().status().as_u16(),
        404
    );
}

#[tokio::test]
async fn before_the_first_policies_nobody_can_tell_and_nothing_is_allowed() {
    let scene = Scene::new();
    scene.write_policy("nonsense\n");
    let program = Program::start(&scene, &[]);
    let refused = program.line(|line| line["event"] == "policies-refused");
    assert!(
        refused["errors"]
            .as_str()
            .unwrap()
            .contains("policy.yaml:1"),
        "{refused}"
    );
    let client = client(&scene.authority, &program).build().unwrap();
    assert_eq!(program.plain("/healthz").await.0, 200);
    let (status, why) = program.plain("/readyz").await;
    assert_eq!(status, 503);
    assert!(why.starts_with("not ready: no policies"), "{why}");
    let answer = program
        .ask(&client, "/validate", &review(&[&scene.signed]))
        .await;
    assert_eq!(
        (&answer["allowed"], &answer["status"]["code"]),
        (&false.into(), &503.into())
    );
    assert!(
        answer["status"]["message"]
            .as_str()
            .unwrap()
            .contains("no policies yet"),
        "{answer}"
    );
    let answer = program
        .ask(&client, "/validate-audit", &review(&[&scene.signed]))
        .await;
    assert_eq!(answer["allowed"], true);
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("no policies yet"),
        "{answer}"
    );
    assert_eq!(scene.registry.requests().len(), 0);
    // It begins when the files are mended, without being started again.
    scene.write_policy(&scene.policy("rules: [{name: signed, signature: {from: key}}]"));
    program.line(|line| line["event"] == "policies-in-force");
    assert_eq!(program.plain("/readyz").await.0, 200);
    let answer = program
        .ask(&client, "/validate", &review(&[&scene.signed]))
        .await;
    assert_eq!(answer["allowed"], true, "{answer}");
}

#[tokio::test]
async fn told_to_end_it_is_not_ready_answers_what_is_open_and_ends() {
    let scene = Scene::new();
    let mut program = Program::ready(&scene, &["--drain", "1"]);
    let client = client(&scene.authority, &program).build().unwrap();
    scene.registry.fault(|_| true, Fault::Silence);
    let asked = review(&[&scene.signed]);
    let open = program.ask(&client, "/validate?timeout=4s", &asked);
    let told = async {
        while scene.registry.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        program.terminate();
        program.line(|line| line["event"] == "draining");
        let (status, why) = program.plain("/readyz").await;
        assert_eq!(
            (status, why.as_str()),
            (503, "not ready: it is about to end\n")
        );
    };
    let (answer, ()) = tokio::join!(open, told);
    assert_eq!(answer["status"]["code"], 503, "{answer}");
    assert_eq!(program.ended(), Some(0));
    program.line(|line| line["event"] == "ended");
}

#[test]
fn what_cannot_be_served_is_said_and_nothing_begins() {
    let scene = Scene::new();
    let program = env!("CARGO_BIN_EXE_countersign-webhook");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        let output = command.args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, _, error) = run(&[]);
    assert_eq!(code, Some(3));
    assert!(
        error.starts_with("error: tls-cert is not configured"),
        "{error}"
    );
    let (certificate, key) = (scene.path("tls.crt"), scene.path("tls.key"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let with = |certificate, key| {
        run(&[
            "--tls-cert",
            certificate,
            "--tls-key",
            key,
            "--policy",
            "p",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
        ])
    };
    let (code, _, error) = with(certificate, certificate);
    assert_eq!(code, Some(3));
    assert!(error.contains("it holds no private key as PEM"), "{error}");
    let (code, _, error) = with("/nowhere", key);
    assert_eq!(code, Some(3));
    assert!(
        error.starts_with("error: the certificate cannot be served: /nowhere: "),
        "{error}"
    );
    let (code, shown, _) = run(&[
        "--tls-cert",
        "c",
        "--tls-key",
        "k",
        "--policy",
        "p",
        "--print-config",
    ]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("tlsKey: \"k\" # flag --tls-key"), "{shown}");
}
