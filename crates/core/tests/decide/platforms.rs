//! Rules over an index: its own evidence, or that of every platform which could run.

use std::collections::BTreeMap;

use countersign_core::{
    Decision, Digest, Evidence, Findings, FoundBy, GapClass, Limits, Outcome, PinnedImage,
    ReasonCode, Report, Resolution, RuleOutcome, Verdict, decide, examine,
};
use countersign_testkit::forge::{Forge, Identity};
use serde_json::{Value, json};

use crate::world::{
    NOW, SBOM, World, attestation, ci, gap, keyless, only_rule, request, set, workflow,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const ON_INDEX: &str = "signature: {from: ci, subject: index}";
pub(crate) const ON_PLATFORMS: &str = "signature: {from: ci, subject: platform}";
pub(crate) const ON_EITHER: &str = "signature: {from: ci, subject: either}";

/// An index with children that are known by a name, and what is attached to each.
pub(crate) struct Family {
    pub(crate) world: World,
    pub(crate) attached: BTreeMap<Digest, Evidence>,
}

pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// The index's entry for the child of this name.
pub(crate) fn child(name: &str, platform: Value) -> Value {
    let mut entry = json!({"mediaType": MANIFEST, "digest": digest(name).to_string(), "size": 7});
    if !platform.is_null() {
        entry["platform"] = platform;
    }
    entry
}

pub(crate) fn linux(architecture: &str) -> Value {
    json!({"os": "linux", "architecture": architecture})
}

pub(crate) fn unknown() -> Value {
    json!({"os": "unknown", "architecture": "unknown"})
}

/// As BuildKit annotates its attestations.
pub(crate) fn annotated(mut entry: Value) -> Value {
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest("amd").to_string()});
    entry
}

fn pinned(entries: &[Value]) -> PinnedImage {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    PinnedImage::from_bytes(index.into_bytes(), None, None, &Limits::default()).unwrap()
}

impl Family {
    pub(crate) fn of(entries: &[Value]) -> Self {
        let mut world = World::new();
        world.image = pinned(entries);
        Self {
            world,
            attached: BTreeMap::new(),
        }
    }

    /// For amd64 and arm64.
    pub(crate) fn two() -> Self {
        Self::of(&[child("amd", linux("amd64")), child("arm", linux("arm64"))])
    }

    /// Attaches a bundle to the child of this name.
    pub(crate) fn bundle(mut self, name: &str, make: impl Fn(&Forge, &str) -> Vec<u8>) -> Self {
        let bytes = make(&self.world.forge, &digest(name).to_string());
        let mut one = World::new();
        one.image = self.world.image.clone();
        let items = one.bundle(|_, _| bytes.clone()).items;
        self.attached
            .entry(digest(name))
            .or_default()
            .items
            .extend(items);
        self
    }

    pub(crate) fn signed(self, name: &str) -> Self {
        self.signed_by(name, &Identity::default())
    }

    pub(crate) fn signed_by(self, name: &str, identity: &Identity) -> Self {
        self.bundle(name, |forge, digest| {
            forge
                .image_signature(digest)
                .keyless(identity.clone())
                .rekor_v1()
                .bundle()
        })
    }

    pub(crate) fn index_signed(mut self) -> Self {
        self.world = self.world.signed_by(&Identity::default());
        self
    }

    pub(crate) fn gap(mut self, name: &str, class: GapClass) -> Self {
        let gaps = &mut self.attached.entry(digest(name)).or_default().gaps;
        gaps.push(gap(class, Some(FoundBy::Referrers)));
        self
    }

    pub(crate) fn children(&self, text: &str) -> Vec<Findings> {
        let policies = self.world.policies(text);
        let nothing = Evidence::default();
        let children = self.world.image.children().unwrap_or_default().iter();
        children
            .map(|child| {
                let evidence = self.attached.get(&child.digest).unwrap_or(&nothing);
                examine(child, evidence, policies.trust(), &Limits::default())
            })
            .collect()
    }

    pub(crate) fn decide(&self, text: &str) -> Decision {
        self.decide_by(text, &self.children(text))
    }

    pub(crate) fn decide_by(&self, text: &str, children: &[Findings]) -> Decision {
        let policies = self.world.policies(text);
        let evidence = Evidence {
            items: self.world.items.clone(),
            gaps: self.world.gaps.clone(),
            stale: self.world.stale.clone(),
        };
        let image = &self.world.image;
        let findings = examine(image, &evidence, policies.trust(), &Limits::default());
        let resolution = Resolution::Examined {
            image,
            findings: &findings,
            children,
        };
        decide(&policies, &request("ghcr.io/acme/app"), resolution, NOW)
    }

    pub(crate) fn rule(&self, rule: &str) -> RuleOutcome {
        only_rule(&self.decide(&set(&[ci()], rule)))
    }

    pub(crate) fn code(&self, rule: &str) -> &'static str {
        self.rule(rule).code.map_or("pass", ReasonCode::as_str)
    }
}

#[test]
fn each_subject_asks_for_evidence_in_its_own_place() {
    let both = || Family::two().signed("amd").signed("arm");
    for (family, index, platform, either) in [
        (Family::two(), "no-evidence", "no-evidence", "no-evidence"),
        (Family::two().index_signed(), "pass", "no-evidence", "pass"),
        (both(), "no-evidence", "pass", "pass"),
        (both().index_signed(), "pass", "pass", "pass"),
        (
            Family::two().signed("amd"),
            "no-evidence",
            "no-evidence",
            "no-evidence",
        ),
        (
            Family::two().signed("arm"),
            "no-evidence",
            "no-evidence",
            "no-evidence",
        ),
    ] {
        let found = [
            family.code(ON_INDEX),
            family.code(ON_PLATFORMS),
            family.code(ON_EITHER),
        ];
        assert_eq!(found, [index, platform, either]);
        assert_eq!(family.code("signature: {from: ci}"), index, "the default");
    }
}

#[test]
fn of_an_image_that_is_no_index_all_subjects_mean_the_image() {
    for rule in [ON_INDEX, ON_PLATFORMS, ON_EITHER] {
        let text = set(&[ci()], rule);
        assert_eq!(
            World::new().signed_by(&Identity::default()).code(&text),
            "pass",
            "{rule}"
        );
        assert_eq!(World::new().code(&text), "no-evidence", "{rule}");
    }
}

#[test]
fn the_platform_that_fails_is_named() {
    let outcome = Family::two().signed("amd").rule(ON_PLATFORMS);
    assert_eq!(outcome.outcome, Outcome::Fail);
    assert!(
        outcome
            .message
            .starts_with(&format!("linux/arm64 ({}): ", digest("arm"))),
        "{}",
        outcome.message
    );
    assert!(
        outcome.message.ends_with("(1 of 2 platforms fail.)"),
        "{}",
        outcome.message
    );
    let stranger = Identity::github_workflow("acme/app", "test.yml", "refs/heads/main");
    let family = Family::two().signed("amd").signed_by("arm", &stranger);
    let nearest = family.rule(ON_PLATFORMS).nearest.unwrap();
    assert_eq!(nearest.code, ReasonCode::SubjectMismatch);
    assert_eq!(
        nearest.child.unwrap().platform.as_deref(),
        Some("linux/arm64")
    );
}

#[test]
fn the_report_says_to_which_child_evidence_belongs() {
    let family = Family::two().signed("amd").signed("arm").index_signed();
    let decision = family.decide(&set(&[ci()], ON_PLATFORMS));
    let report: Value = serde_json::from_str(&Report::new(&[decision]).to_json()).unwrap();
    let image = &report["images"][0];
    let rule = &image["policies"][0]["rules"][0];
    assert_eq!(
        rule["evidence"][0]["child"],
        json!({"digest": digest("amd").to_string(), "platform": "linux/amd64"})
    );
    assert_eq!(rule["evidence"][1]["child"]["platform"], "linux/arm64");
    let children = image["evidence"].as_array().unwrap().iter();
    assert_eq!(children.filter(|one| one.get("child").is_some()).count(), 2);
    assert_eq!(image["counts"]["verified"], 3);
}

#[test]
fn an_evil_child_beside_signed_ones_denies() {
    let evil = [
        child("evil", linux("s390x")),
        child("evil", Value::Null),
        // An annotation proves nothing.
        annotated(child("evil", linux("amd64"))),
        annotated(child("evil", Value::Null)),
        // Unknown, but not exactly so.
        annotated(child(
            "evil",
            json!({"os": "unknown", "architecture": "amd64"}),
        )),
        annotated(child(
            "evil",
            json!({"os": "linux", "architecture": "unknown"}),
        )),
        annotated(child(
            "evil",
            json!({"os": "unknown", "architecture": "unknown", "variant": "v8"}),
        )),
        annotated(child(
            "evil",
            json!({"os": "Unknown", "architecture": "unknown"}),
        )),
    ];
    for entry in evil {
        let entries = [child("amd", linux("amd64")), entry.clone()];
        let family = Family::of(&entries).signed("amd");
        assert_eq!(family.code(ON_PLATFORMS), "no-evidence", "{entry}");
        assert_eq!(family.code(ON_EITHER), "no-evidence", "{entry}");
        assert_eq!(family.signed("evil").code(ON_PLATFORMS), "pass", "{entry}");
    }
}

#[test]
fn what_no_node_runs_is_skipped_and_is_no_evidence() {
    let entries = [
        child("amd", linux("amd64")),
        annotated(child("attestation", unknown())),
        annotated(child("another", unknown())),
    ];
    let family = Family::of(&entries).signed("amd");
    let decision = family.decide(&set(&[ci()], ON_PLATFORMS));
    assert_eq!(decision.effect(), Verdict::Allow);
    let [warning] = decision.warnings() else {
        panic!("{:?}", decision.warnings())
    };
    assert_eq!(warning.code, ReasonCode::UnsignedAttestation);
    assert_eq!(
        warning.message,
        format!(
            "BuildKit attestation {} (and 1 more): unsigned, counts for nothing.",
            digest("attestation")
        )
    );
    // A signature on the attestations signs neither the index nor a platform.
    let family = Family::of(&entries).signed("attestation").signed("another");
    for rule in [ON_INDEX, ON_PLATFORMS, ON_EITHER] {
        assert_eq!(family.code(rule), "no-evidence", "{rule}");
    }
    // What is not annotated is skipped without a word.
    let family =
        Family::of(&[child("amd", linux("amd64")), child("other", unknown())]).signed("amd");
    assert_eq!(family.decide(&set(&[ci()], ON_PLATFORMS)).warnings(), []);
}

#[test]
fn nothing_passes_by_emptiness() {
    for entries in [vec![], vec![annotated(child("attestation", unknown()))]] {
        let family = Family::of(&entries).signed("attestation");
        assert_eq!(family.code(ON_PLATFORMS), "no-platform", "{entries:?}");
        assert_eq!(family.rule(ON_EITHER).outcome, Outcome::Fail);
        assert_eq!(family.index_signed().code(ON_EITHER), "pass");
    }
}

#[test]
fn a_nested_index_denies_whatever_is_attached_to_it() {
    for media_type in [
        INDEX,
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ] {
        let mut nested = child("nested", linux("arm64"));
        nested["mediaType"] = json!(media_type);
        let entries = [child("amd", linux("amd64")), nested];
        let family = Family::of(&entries).signed("amd").signed("nested");
        assert_eq!(family.code(ON_PLATFORMS), "nested-index");
        assert_eq!(family.index_signed().code(ON_EITHER), "pass");
    }
}

#[test]
fn a_platform_that_settings_do_not_name_denies() {
    let of = |platform: Value| {
        Family::of(&[child("amd", linux("amd64")), child("other", platform)])
            .signed("amd")
            .signed("other")
    };
    let arm = |variant: &str| json!({"os": "linux", "architecture": "arm", "variant": variant});
    for (family, expected) in [
        (of(linux("arm64")), "pass"),
        (
            of(json!({"os": "linux", "architecture": "arm64", "variant": "v8"})),
            "pass",
        ),
        (of(arm("v7")), "pass"),
        (of(arm("v6")), "platform-not-allowed"),
        (of(linux("arm")), "platform-not-allowed"),
        (of(linux("s390x")), "platform-not-allowed"),
        (
            of(json!({"os": "windows", "architecture": "amd64"})),
            "platform-not-allowed",
        ),
        (of(Value::Null), "platform-not-allowed"),
        (of(unknown()), "pass"),
    ] {
        let named = "  unmatched: deny\n  platforms: [linux/amd64, linux/arm64, linux/arm/v7]\n";
        let text = set(&[ci()], ON_PLATFORMS).replacen("  unmatched: deny\n", named, 1);
        let code = only_rule(&family.decide(&text))
            .code
            .map_or("pass", ReasonCode::as_str);
        assert_eq!(code, expected, "{:?}", family.world.image.children());
        assert_eq!(
            family.code(ON_PLATFORMS),
            "pass",
            "without `platforms` any will do"
        );
        let policies = family.world.policies(&text);
        let asked = policies.platforms_of(&family.world.image).len();
        assert_eq!(
            asked == 0,
            expected != "pass",
            "what is refused anyway costs no request"
        );
    }
}

#[test]
fn a_digest_that_is_listed_for_several_platforms_is_judged_for_each() {
    let entries = [
        child("fat", linux("amd64")),
        child("fat", linux("arm64")),
        child("fat", unknown()),
    ];
    let family = Family::of(&entries);
    assert_eq!(family.code(ON_PLATFORMS), "no-evidence");
    let family = family.signed("fat");
    let outcome = family.rule(ON_PLATFORMS);
    assert_eq!(
        (outcome.outcome, outcome.evidence.len()),
        (Outcome::Pass, 1)
    );
    let cited = outcome.evidence[0].child.clone().unwrap();
    assert_eq!(
        cited.platform.as_deref(),
        Some("linux/amd64, linux/arm64, unknown/unknown")
    );
    let amd_only = "  unmatched: deny\n  platforms: [linux/amd64]\n";
    let text = set(&[ci()], ON_PLATFORMS).replacen("  unmatched: deny\n", amd_only, 1);
    assert_eq!(
        only_rule(&family.decide(&text)).code,
        Some(ReasonCode::PlatformNotAllowed)
    );
}

#[test]
fn conditions_hold_of_each_child_by_itself() {
    let other = keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    );
    let stranger = Identity::github_workflow("acme/other", "release.yml", "refs/heads/main");
    let text = set(
        &[ci(), other],
        "signature: {from: {all: [ci, other]}, subject: platform}",
    );
    let spread = Family::two().signed("amd").signed_by("arm", &stranger);
    assert_eq!(spread.decide(&text).effect(), Verdict::Deny);
    let whole = spread.signed("arm").signed_by("amd", &stranger);
    assert_eq!(whole.decide(&text).effect(), Verdict::Allow);
    // An attestation of one child does not stand in for its signature.
    let attested = Family::two().signed("amd").bundle("arm", |forge, digest| {
        attestation(forge, digest, SBOM).rekor_v1().bundle()
    });
    assert_eq!(attested.code(ON_PLATFORMS), "no-signature");
}

#[test]
fn evidence_of_another_child_or_of_the_index_is_refused() {
    let family = Family::two().signed("amd");
    let index = family.world.digest();
    let of = |about: String| {
        Family::two().signed("amd").bundle("arm", move |forge, _| {
            forge
                .image_signature(&about)
                .keyless(Identity::default())
                .rekor_v1()
                .bundle()
        })
    };
    assert_eq!(of(digest("arm").to_string()).code(ON_PLATFORMS), "pass");
    assert_eq!(
        of(digest("amd").to_string()).code(ON_PLATFORMS),
        "digest-mismatch"
    );
    assert_eq!(of(index).code(ON_PLATFORMS), "digest-mismatch");
}
