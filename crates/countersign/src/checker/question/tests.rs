//! Evidence in a repository of its own, over HTTP.

#![allow(clippy::unwrap_used)]

use countersign_core::{ImageRef, NoFiles, PolicySet, Report, Source};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::KeyedPolicy;
use countersign_testkit::registry::{OCI_MANIFEST, Registry as Server};

use super::*;
use crate::HttpRegistry;

const SIGNED: i64 = 1_790_000_000;
const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;

fn policies(key: &Key) -> PolicySet {
    let text = KeyedPolicy::new(&key.public_pem()).text();
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    loaded.policies.unwrap()
}

/// The decision about an image in `app` whose bundle, or else legacy signature, is in `evidence`.
async fn decide_apart(as_bundle: bool) -> (Decision, Server) {
    let (server, forge, key) = (
        Server::start(),
        Forge::new(SIGNED),
        Key::generate(Algorithm::P256),
    );
    let digest = server.push_manifest("app", "v1", OCI_MANIFEST, MANIFEST);
    server.push_manifest("evidence", "", OCI_MANIFEST, MANIFEST);
    if as_bundle {
        let bundle = forge.image_signature(&digest).keyed(&key).bundle();
        server.attach_bundle("evidence", &digest, &bundle);
    } else {
        let (payload, annotations) = forge.simple_signing(&digest).keyed(&key).sig();
        server.attach_sig("evidence", &digest, &payload, &annotations);
    }
    let name = |path: &str| ImageRef::parse(&format!("{}/{path}:v1", server.host())).unwrap();
    let (image, evidence) = (name("app"), name("evidence"));
    let checker = Checker::new(policies(&key));
    let request = Request::named(&image);
    let question = Question::new(&checker, &request, UnixTime::from_seconds(SIGNED + 60));
    let registry = HttpRegistry::new().plain_http(server.host());
    let (at, apart) = (Repository::of(&image), Repository::of(&evidence));
    let places = Places::of(&registry, &at, &apart);
    let decision = question.ask(&places, &Reference::of(&image)).await;
    (decision, server)
}

#[tokio::test]
async fn evidence_is_found_in_a_repository_of_its_own_and_the_report_names_it() {
    for as_bundle in [true, false] {
        let (decision, server) = decide_apart(as_bundle).await;
        assert_eq!(decision.effect(), Verdict::Allow, "{as_bundle}");
        let place = format!("{}/evidence", server.host());
        let cited = &decision.policies()[0].rules[0].evidence[0];
        assert_eq!(cited.locator.place.as_deref(), Some(place.as_str()));
        let report: serde_json::Value =
            serde_json::from_str(&Report::new(&[decision]).to_json()).unwrap();
        assert_eq!(report["images"][0]["evidence"][0]["found"]["place"], place);
        let paths: Vec<String> = server.requests().into_iter().map(|it| it.path).collect();
        let (image, evidence): (Vec<&String>, Vec<&String>) =
            paths.iter().partition(|path| path.starts_with("/v2/app/"));
        assert_eq!(image, ["/v2/app/manifests/v1"]);
        assert!(
            evidence
                .iter()
                .all(|path| path.starts_with("/v2/evidence/"))
        );
    }
}

#[test]
fn a_check_may_run_on_any_thread() {
    fn is_send(_: &impl Send) {}
    let checker = Checker::new(policies(&Key::generate(Algorithm::P256)));
    let image = crate::Image::parse("ghcr.io/acme/app:v1").unwrap();
    is_send(&checker.check(&image, UnixTime::from_seconds(SIGNED)));
}
