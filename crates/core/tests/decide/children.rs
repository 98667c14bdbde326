//! Of an index's children: what is not known, not listed or revoked.

use std::collections::BTreeMap;

use countersign_core::{
    Findings, FoundBy, GapClass, Needs, PlatformNeed, ReasonCode, Stale, Verdict,
};
use countersign_testkit::forge::Identity;
use serde_json::json;

use crate::platforms::{
    Family, INDEX, ON_EITHER, ON_INDEX, ON_PLATFORMS, annotated, child, digest, linux, unknown,
};
use crate::world::{TEST, World, attestation, ci, only_rule, request, set};

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
