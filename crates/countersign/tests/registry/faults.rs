//! Each fault at each step of collection is a gap of the right class, and never "nothing is attached".

use countersign_core::{GapClass, Needs, ReasonCode};
use countersign_testkit::registry::{Fault, Pages, Registry, Request};
use futures_util::future::join_all;

use crate::{BUNDLE, check, client, gaps, image};

/// The steps of collection, by the requests that they make.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Image,
    Referrers,
    ReferrerManifest,
    Bundle,
    SignatureTag,
    Payload,
}

const STEPS: [Step; 6] = [
    Step::Image,
    Step::Referrers,
    Step::ReferrerManifest,
    Step::Bundle,
    Step::SignatureTag,
    Step::Payload,
];
const PAYLOAD: &[u8] = b"a payload of simple signing, longer than what is cut";

/// An image with a bundle and a legacy signature, and the fault at one step.
async fn outcome(step: Step, fault: Fault) -> Vec<countersign_core::Gap> {
    let registry = Registry::start();
    let digest = registry.push_image("app", "v1");
    let referrer = registry.attach_bundle("app", &digest, BUNDLE);
    let none: [(&String, &String); 0] = [];
    registry.attach_sig("app", &digest, PAYLOAD, none);
    let payload = registry.push_blob("app", PAYLOAD);
    let bundle = registry.push_blob("app", BUNDLE);
    let suffix = match step {
        Step::Image => format!("/manifests/{digest}"),
        Step::Referrers => format!("/referrers/{digest}"),
        Step::ReferrerManifest => format!("/manifests/{referrer}"),
        Step::Bundle => format!("/blobs/{bundle}"),
        Step::SignatureTag => format!("{}.sig", digest.replace(':', "-")),
        Step::Payload => format!("/blobs/{payload}"),
    };
    let fault = match fault {
        // To itself: a loop.
        Fault::RedirectTo(_) => Fault::RedirectTo(registry.url()),
        fault => fault,
    };
    registry.fault(
        move |request: &Request| request.path.split('?').next().unwrap().ends_with(&suffix),
        fault,
    );
    let image = image(&registry, &format!("app@{digest}"));
    gaps(check(&client(&registry), &image, Needs::ALL).await)
}

async fn expect(fault: Fault, steps: &[Step], class: GapClass, code: ReasonCode) {
    let outcomes = steps.iter().map(|&step| outcome(step, fault.clone()));
    for (step, gaps) in steps.iter().zip(join_all(outcomes).await) {
        // A host that wants to be left alone is: what else the check needs from it is missing too, for the same reason.
        let spreads = matches!(&fault, Fault::RetryAfter(_, after) if after != "0");
        assert!(
            gaps.len() == 1 || spreads && gaps.len() > 1,
            "{fault:?} at {step:?}: {gaps:?}"
        );
        for gap in gaps {
            assert_eq!(
                (gap.class, gap.code),
                (class, code),
                "{fault:?} at {step:?}: {gap:?}"
            );
            assert!(gap.cause.contains("127.0.0.1"), "{gap:?}");
        }
    }
}

#[tokio::test]
async fn a_healthy_registry_leaves_no_gap() {
    for step in STEPS {
        let no_fault = Fault::Header("x-nothing", "1".to_owned());
        assert!(outcome(step, no_fault).await.is_empty());
    }
}

#[tokio::test]
async fn s02_refusals_and_failures_are_no_absence() {
    use ReasonCode::{RegistryDenied, RegistryRateLimited, RegistryUnavailable};
    for (fault, code) in [
        (Fault::Status(401), RegistryDenied),
        (Fault::Status(403), RegistryDenied),
        (Fault::Status(429), RegistryRateLimited),
        (Fault::RetryAfter(429, "60".to_owned()), RegistryRateLimited),
        (Fault::RetryAfter(503, "0".to_owned()), RegistryUnavailable),
        (Fault::Status(500), RegistryUnavailable),
        (Fault::Status(502), RegistryUnavailable),
        (Fault::CutAfter(10), RegistryUnavailable),
    ] {
        expect(fault, &STEPS, GapClass::Unavailable, code).await;
    }
}

#[tokio::test]
async fn silence_and_stalls_are_time_outs() {
    for fault in [Fault::Silence, Fault::StallAfter(0), Fault::StallAfter(10)] {
        expect(
            fault,
            &STEPS,
            GapClass::Unavailable,
            ReasonCode::RegistryTimeout,
        )
        .await;
    }
}

#[tokio::test]
async fn s03_lies_about_a_digest_are_hostile() {
    expect(
        Fault::WrongBytes,
        &[
            Step::Image,
            Step::ReferrerManifest,
            Step::Bundle,
            Step::Payload,
        ],
        GapClass::Hostile,
        ReasonCode::RegistryHostile,
    )
    .await;
    // What is not asked for by digest cannot lie about it, but be malformed.
    expect(
        Fault::WrongBytes,
        &[Step::Referrers, Step::SignatureTag],
        GapClass::Hostile,
        ReasonCode::RegistryProtocol,
    )
    .await;
}

#[tokio::test]
async fn too_much_is_hostile() {
    for declared in [true, false] {
        let huge = Fault::Huge {
            bytes: 1 << 30,
            declared,
        };
        expect(huge, &STEPS, GapClass::Hostile, ReasonCode::RegistryHostile).await;
    }
}

#[tokio::test]
async fn redirects_in_a_circle_are_hostile() {
    expect(
        Fault::RedirectTo(String::new()),
        &STEPS,
        GapClass::Hostile,
        ReasonCode::RegistryHostile,
    )
    .await;
}

#[tokio::test]
async fn what_breaks_the_protocol_is_hostile() {
    let manifests = [
        Step::Image,
        Step::Referrers,
        Step::ReferrerManifest,
        Step::SignatureTag,
    ];
    for fault in [
        Fault::content_type("text/html"),
        Fault::Body("text/html".to_owned(), b"<html>log in".to_vec()),
    ] {
        expect(
            fault,
            &manifests,
            GapClass::Hostile,
            ReasonCode::RegistryProtocol,
        )
        .await;
    }
    for fault in [
        Fault::Status(418),
        Fault::Status(204),
        Fault::Header("content-encoding", "gzip".to_owned()),
    ] {
        expect(
            fault,
            &STEPS,
            GapClass::Hostile,
            ReasonCode::RegistryProtocol,
        )
        .await;
    }
}

#[tokio::test]
async fn pages_without_end_are_hostile() {
    for pages in [Pages::Same, Pages::New] {
        expect(
            Fault::EndlessPages(pages),
            &[Step::Referrers],
            GapClass::Hostile,
            ReasonCode::RegistryHostile,
        )
        .await;
    }
}

#[tokio::test]
async fn s02_what_is_listed_and_not_there_is_hostile() {
    expect(
        Fault::Status(404),
        &[Step::ReferrerManifest, Step::Bundle, Step::Payload],
        GapClass::Hostile,
        ReasonCode::RegistryProtocol,
    )
    .await;
    expect(
        Fault::Status(404),
        &[Step::Image],
        GapClass::Hostile,
        ReasonCode::ImageNotFound,
    )
    .await;
}

#[tokio::test]
async fn passing_failures_are_asked_again() {
    for fault in [
        Fault::Status(503),
        Fault::RetryAfter(429, "0".to_owned()),
        Fault::CutAfter(10),
    ] {
        let registry = Registry::start();
        let digest = registry.push_image("app", "v1");
        registry.attach_bundle("app", &digest, BUNDLE);
        registry.fault_times(1, |_| true, fault.clone());
        let image = image(&registry, "app:v1");
        let evidence = check(&client(&registry), &image, Needs::ALL).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{fault:?}: {:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1, "{fault:?}");
    }
}
