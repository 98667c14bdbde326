//! Rules over an index: its own evidence, or that of every platform which could run.

use std::collections::BTreeMap;

use countersign_core::{
    Decision, Digest, Evidence, Findings, FoundBy, GapClass, Limits, Needs, Outcome, PinnedImage,
    PlatformNeed, ReasonCode, Report, Resolution, RuleOutcome, Stale, Verdict, decide, examine,
};
use countersign_testkit::forge::{Forge, Identity};
use serde_json::{Value, json};

use crate::world::{
    NOW, SBOM, TEST, World, attestation, ci, gap, keyless, only_rule, request, set, workflow,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const ON_INDEX: &str = "signature: {from: ci, subject: index}";
const ON_PLATFORMS: &str = "signature: {from: ci, subject: platform}";
const ON_EITHER: &str = "signature: {from: ci, subject: either}";

/// An index with children that are known by a name, and what is attached to each.
struct Family {
    world: World,
    attached: BTreeMap<Digest, Evidence>,
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// The index's entry for the child of this name.
fn child(name: &str, platform: Value) -> Value {
    let mut entry = json!({"mediaType": MANIFEST, "digest": digest(name).to_string(), "size": 7});
    if !platform.is_null() {
        entry["platform"] = platform;
    }
    entry
}

fn linux(architecture: &str) -> Value {
    json!({"os": "linux", "architecture": architecture})
}

fn unknown() -> Value {
    json!({"os": "unknown", "architecture": "unknown"})
}

/// As BuildKit annotates its attestations.
fn annotated(mut entry: Value) -> Value {
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest("amd").to_string()});
    entry
}

fn pinned(entries: &[Value]) -> PinnedImage {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    PinnedImage::from_bytes(index.into_bytes(), None, None, &Limits::default()).unwrap()
}

impl Family {
    fn of(entries: &[Value]) -> Self {
        let mut world = World::new();
        world.image = pinned(entries);
        Self {
            world,
            attached: BTreeMap::new(),
        }
    }

    /// For amd64 and arm64.
    fn two() -> Self {
        Self::of(&[child("amd", linux("amd64")), child("arm", linux("arm64"))])
    }

    /// Attaches a bundle to the child of this name.
    fn bundle(mut self, name: &str, make: impl Fn(&Forge, &str) -> Vec<u8>) -> Self {
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

    fn signed(self, name: &str) -> Self {
        self.signed_by(name, &Identity::default())
    }

    fn signed_by(self, name: &str, identity: &Identity) -> Self {
        self.bundle(name, |forge, digest| {
            forge
                .image_signature(digest)
                .keyless(identity.clone())
                .rekor_v1()
                .bundle()
        })
    }

    fn index_signed(mut self) -> Self {
        self.world = self.world.signed_by(&Identity::default());
        self
    }

    fn gap(mut self, name: &str, class: GapClass) -> Self {
        let gaps = &mut self.attached.entry(digest(name)).or_default().gaps;
        gaps.push(gap(class, Some(FoundBy::Referrers)));
        self
    }

    fn children(&self, text: &str) -> Vec<Findings> {
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

    fn decide(&self, text: &str) -> Decision {
        self.decide_by(text, &self.children(text))
    }

    fn decide_by(&self, text: &str, children: &[Findings]) -> Decision {
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

    fn rule(&self, rule: &str) -> RuleOutcome {
        only_rule(&self.decide(&set(&[ci()], rule)))
    }

    fn code(&self, rule: &str) -> &'static str {
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

#[test]
fn findings_about_something_that_the_index_does_not_list_are_no_childs() {
    let family = Family::two().signed("amd").signed("arm");
    let text = set(&[ci()], ON_PLATFORMS);
    let good = family.children(&text);
    let foreign = Family::of(&[child("foreign", linux("arm64"))])
        .signed("foreign")
        .children(&text);
    let (amd, arm) = (good[0].clone(), good[1].clone());
    let code = |children: &[Findings]| only_rule(&family.decide_by(&text, children)).code;
    assert_eq!(code(&[amd.clone(), arm.clone()]), None);
    assert_eq!(code(&[arm.clone(), amd.clone()]), None, "in any order");
    assert_eq!(
        code(&[amd.clone(), foreign[0].clone()]),
        Some(ReasonCode::DigestMismatch)
    );
    assert_eq!(
        code(&[amd.clone(), arm, foreign[0].clone()]),
        Some(ReasonCode::DigestMismatch)
    );
    // The same child twice is not both.
    assert_eq!(
        code(&[amd.clone(), amd.clone()]),
        Some(ReasonCode::NotExamined)
    );
    // And an image that is no index has none.
    let world = World::new().signed_by(&Identity::default());
    let alone = Family {
        world,
        attached: BTreeMap::new(),
    };
    let decision = alone.decide_by(&set(&[ci()], ON_INDEX), &[amd]);
    assert_eq!(only_rule(&decision).code, Some(ReasonCode::DigestMismatch));
}

#[test]
fn a_child_of_which_nothing_is_known_is_never_passed_over() {
    let excusing = set(&[ci()], ON_PLATFORMS).replace("onUnknown: deny", "onUnknown: allow");
    let signed = || Family::two().signed("amd");
    for (family, code, effect) in [
        (
            signed().gap("arm", GapClass::Unavailable),
            ReasonCode::RegistryUnavailable,
            Verdict::Allow,
        ),
        (
            signed().gap("arm", GapClass::Hostile),
            ReasonCode::RegistryHostile,
            Verdict::Unknown,
        ),
        // What fails for certain is not excused by what is unknown beside it.
        (
            Family::two().gap("arm", GapClass::Unavailable),
            ReasonCode::NoEvidence,
            Verdict::Deny,
        ),
    ] {
        let decision = family.decide(&excusing);
        assert_eq!(only_rule(&decision).code, Some(code));
        assert_eq!(decision.effect(), effect, "{code}");
    }
    let family = signed().signed("arm");
    let only_amd = &family.children(&excusing)[..1];
    let decision = family.decide_by(&excusing, only_amd);
    assert_eq!(only_rule(&decision).code, Some(ReasonCode::NotExamined));
    assert_eq!(decision.effect(), Verdict::Unknown);
}

#[test]
fn a_gap_on_one_side_of_either_does_not_hide_the_other() {
    let mut family = Family::two().signed("amd").signed("arm");
    family.world = family
        .world
        .gap(GapClass::Unavailable, Some(FoundBy::Referrers));
    assert_eq!(family.code(ON_EITHER), "pass");
    let mut family = Family::two().signed("amd");
    family.world = family
        .world
        .gap(GapClass::Unavailable, Some(FoundBy::Referrers));
    assert_eq!(
        family.code(ON_EITHER),
        "registry-unavailable",
        "the index may be signed"
    );
    let family = Family::two().signed("amd").gap("arm", GapClass::Hostile);
    assert_eq!(
        family.code(ON_EITHER),
        "registry-hostile",
        "the platforms may be signed"
    );
}

#[test]
fn with_newest_the_platforms_do_not_make_up_for_the_index() {
    let rule =
        format!("statement: {{from: ci, predicateType: {TEST}, maxAge: 1h, subject: either}}");
    let fresh = |family: Family| {
        ["amd", "arm"].iter().fold(family, |family, name| {
            family.bundle(name, |forge, digest| {
                attestation(forge, digest, TEST).rekor_v1().bundle()
            })
        })
    };
    assert_eq!(fresh(Family::two()).code(&rule), "pass");
    let mut old = fresh(Family::two());
    let forge = old.world.ago(1);
    old.world = old
        .world
        .bundle(|_, digest| attestation(&forge, digest, TEST).rekor_v1().bundle());
    assert_eq!(old.code(&rule), "too-old");
    assert_eq!(
        old.code(&rule.replace("maxAge", "match: any, maxAge")),
        "pass"
    );
    let mut hidden = fresh(Family::two());
    hidden.world = hidden
        .world
        .gap(GapClass::Unavailable, Some(FoundBy::Referrers));
    assert_eq!(hidden.code(&rule), "registry-unavailable");
    // A gap on one platform is as bad.
    assert_eq!(
        fresh(Family::two())
            .gap("arm", GapClass::Unavailable)
            .code(&rule),
        "registry-unavailable"
    );
}

#[test]
fn a_lie_about_one_platform_or_the_index_is_helped_by_no_last_known_evidence_of_another() {
    let text = |rule: &str| {
        set(&[ci()], rule).replacen(
            "  unmatched: deny\n",
            "  unmatched: deny\n  stale: {maxAge: 1h}\n",
            1,
        )
    };
    let code = |family: &Family, rule: &str| {
        only_rule(&family.decide(&text(rule)))
            .code
            .map_or("pass", ReasonCode::as_str)
    };
    let stale = |mut family: Family| {
        let evidence = family.attached.get_mut(&digest("amd")).unwrap();
        evidence.stale.push(Stale {
            what: "referrers of amd".to_owned(),
            age: 60,
        });
        family
    };
    let both = || Family::two().signed("amd").signed("arm");
    assert_eq!(code(&stale(both()), ON_PLATFORMS), "pass");
    assert_eq!(
        code(&both().gap("arm", GapClass::Hostile), ON_PLATFORMS),
        "pass"
    );
    let lying = stale(both()).gap("arm", GapClass::Hostile);
    assert_eq!(code(&lying, ON_PLATFORMS), "registry-hostile");
    let mut lying = stale(both());
    lying.world = lying.world.gap(GapClass::Hostile, Some(FoundBy::Referrers));
    assert_eq!(code(&lying, ON_EITHER), "registry-hostile");
    assert_eq!(
        code(&lying, ON_PLATFORMS),
        "pass",
        "which does not look at the index"
    );
    // What other rules have asked about platforms does not touch a rule that the index satisfies.
    let index = stale(both()).gap("arm", GapClass::Hostile).index_signed();
    for rule in [ON_INDEX, ON_EITHER] {
        assert_eq!(code(&index, rule), "pass", "{rule}");
    }
    let warnings = index.decide(&text(ON_INDEX)).warnings().len();
    assert_eq!(warnings, 1, "it is told all the same");
}

#[test]
fn needs_say_whether_platforms_can_matter() {
    for (rules, index, platforms) in [
        (ON_INDEX.to_owned(), true, PlatformNeed::No),
        (ON_EITHER.to_owned(), true, PlatformNeed::Instead),
        (ON_PLATFORMS.to_owned(), false, PlatformNeed::Always),
        (
            format!("{ON_INDEX}}}\n    - {{name: b, {ON_PLATFORMS}"),
            true,
            PlatformNeed::Always,
        ),
        (
            format!("{ON_PLATFORMS}}}\n    - {{name: b, {ON_EITHER}"),
            true,
            PlatformNeed::Always,
        ),
    ] {
        let needs = World::new()
            .policies(&set(&[ci()], &rules))
            .needs(&request("ghcr.io/acme/app"));
        let expected = Needs {
            referrers: true,
            signature_tag: true,
            index,
            platforms,
            ..Needs::NONE
        };
        assert_eq!(needs, expected, "{rules}");
    }
}

#[test]
fn findings_join_only_of_one_digest() {
    let text = set(&[ci()], ON_PLATFORMS);
    let family = Family::two()
        .signed("amd")
        .signed("arm")
        .gap("amd", GapClass::Hostile);
    let [mut amd, arm] = family.children(&text).try_into().unwrap();
    let given_back = amd.join(arm).unwrap();
    assert_eq!(*given_back.image(), digest("arm"));
    assert_eq!((amd.verified().len(), amd.gaps().len()), (1, 1));
    assert!(amd.join(amd.clone()).is_none());
    assert_eq!((amd.verified().len(), amd.gaps().len()), (2, 2));
}

/// Whichever platform a node picks, and whatever any rule asks: nothing that is revoked may run. What cannot run is passed over.
#[test]
fn an_index_that_lists_a_revoked_image_is_denied() {
    let attestation = annotated(child("statements", unknown()));
    let entries = [
        child("amd", linux("amd64")),
        child("arm", linux("arm64")),
        attestation,
    ];
    let family = Family::of(&entries).index_signed();
    let text = set(&[ci()], ON_INDEX);
    for (name, expected) in [
        ("amd", Verdict::Deny),
        ("arm", Verdict::Deny),
        ("statements", Verdict::Allow),
        ("another", Verdict::Allow),
    ] {
        let revoking = format!(
            "{text}---\napiVersion: countersign.dev/v1alpha1\nkind: Revocation\nmetadata: {{name: r}}\nspec: {{digests: [\"{}\"], reason: bad}}\n",
            digest(name)
        );
        let decision = family.decide(&revoking);
        assert_eq!(decision.effect(), expected, "{name}");
        let told = decision.revoked().first().and_then(|it| it.child.as_ref());
        let platform = told.and_then(|child| child.platform.as_deref());
        assert_eq!(platform.is_some(), expected == Verdict::Deny, "{name}");
    }
}

/// What is behind an index within the index is never looked at, so nobody can tell whether it is revoked.
#[test]
fn a_nested_index_may_hide_a_revoked_image() {
    let nested = child("nested", linux("arm64"));
    let mut index = nested;
    index["mediaType"] = json!(INDEX);
    let family = Family::of(&[child("amd", linux("amd64")), index]).index_signed();
    let text = set(&[ci()], ON_INDEX);
    assert_eq!(family.decide(&text).effect(), Verdict::Allow);
    let revoking = format!(
        "{text}---\napiVersion: countersign.dev/v1alpha1\nkind: Revocation\nmetadata: {{name: r}}\nspec: {{digests: [\"{}\"], reason: bad}}\n",
        digest("anything")
    );
    assert_eq!(family.decide(&revoking).effect(), Verdict::Unknown);
}
