//! `kind: BreakGlass`: what enough people approved over the same bytes runs for a while, and nothing else does.

use countersign_core::{
    Approvals, BreakGlassStatus, Decision, Digest, Evidence, FoundBy, Gap, GapClass, Limits,
    Namespace, NoFiles, PolicySet, Promotion, ReasonCode, Report, Request, Resolution, Source,
    UnixTime, Verdict, decide, examine, judge_break_glass,
};
use countersign_testkit::break_glass::{approval, approval_of, of_namespaces, statement, with};
use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};
use serde_json::{Value, json};

use crate::platforms::{Family, ON_INDEX, child, linux};
use crate::world::{BARE, NOW, World, attestation, ci, gap, keyed, policy, request, revocation};

pub(crate) const APP: &str = "ghcr.io/acme/app";

/// Three people on call, of whom two have to approve, and a policy that wants the signature of another.
pub(crate) struct Night {
    pub(crate) world: World,
    pub(crate) people: [Key; 3],
    /// What the BreakGlass says beside `from`.
    pub(crate) rest: String,
    /// Further documents.
    pub(crate) more: String,
    pub(crate) rules: Vec<&'static str>,
}

pub(crate) fn time(seconds: i64) -> String {
    NOW.plus(seconds).to_string()
}

impl Night {
    pub(crate) fn new() -> Self {
        Self::of(World::new())
    }

    pub(crate) fn of(world: World) -> Self {
        Self {
            world,
            people: std::array::from_fn(|_| Key::generate(Algorithm::P256)),
            rest: "maxDuration: 4h, namespaces: [shop]".to_owned(),
            more: String::new(),
            rules: vec!["signature: {from: ci}"],
        }
    }

    pub(crate) fn set(&self) -> String {
        self.set_of("{atLeast: 2, of: [a, b, lead]}")
    }

    fn set_of(&self, from: &str) -> String {
        let [a, b, lead] = &self.people;
        let settings = "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {name: s}\nspec: {unmatched: deny, onUnknown: deny, cluster: prod-eu-1}\n";
        let break_glass = format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: BreakGlass\nmetadata: {{name: oncall}}\nspec: {{from: {from}, {}}}\n",
            self.rest
        );
        let documents = [
            settings.to_owned(),
            keyed("a", &a.public_pem(), "", BARE),
            keyed("b", &b.public_pem(), "", BARE),
            keyed("lead", &lead.public_pem(), "", BARE),
            ci(),
            policy("p", "enforce", "", &self.rules),
            break_glass,
        ];
        format!("{}{}", documents.join("---\n"), self.more)
    }

    /// A statement about the image that holds from an hour ago for three hours.
    pub(crate) fn statement(&self) -> Value {
        let digest = self.world.digest();
        statement(&[(APP, &digest)], &time(-3600), &time(2 * 3600))
    }

    /// The statement approved by these people, by their numbers.
    pub(crate) fn approved(&self, statement: &Value, by: &[usize]) -> Vec<Vec<u8>> {
        let keys = by.iter().map(|number| &self.people[*number]);
        keys.map(|key| approval(&self.world.forge, statement, key))
            .collect()
    }

    pub(crate) fn decide(&self, bundles: Vec<Vec<u8>>) -> Decision {
        let pinned = format!("{APP}@{}", self.world.digest());
        self.decide_of(&in_shop(&pinned), bundles)
    }

    pub(crate) fn decide_of(&self, request: &Request, bundles: Vec<Vec<u8>>) -> Decision {
        self.decide_by(&self.set(), request, bundles)
    }

    pub(crate) fn decide_by(
        &self,
        set: &str,
        request: &Request,
        bundles: Vec<Vec<u8>>,
    ) -> Decision {
        let policies = self.world.policies(set);
        let evidence = Evidence {
            items: self.world.items.clone(),
            gaps: self.world.gaps.clone(),
            ..Evidence::default()
        };
        let limits = Limits::default();
        let findings = examine(&self.world.image, &evidence, policies.trust(), &limits);
        let resolution = Resolution::Examined {
            image: &self.world.image,
            findings: &findings,
            children: &[],
        };
        decide(
            &policies,
            &given(&policies, request, bundles),
            resolution,
            NOW,
        )
    }

    /// The same while the registry cannot be asked.
    pub(crate) fn unresolved(
        &self,
        class: GapClass,
        request: &Request,
        bundles: Vec<Vec<u8>>,
    ) -> Decision {
        let policies = self.world.policies(&self.set());
        let gap: Gap = gap(class, None);
        let request = given(&policies, request, bundles);
        decide(&policies, &request, Resolution::Unresolved(&gap), NOW)
    }

    pub(crate) fn revoking(mut self, spec: &str) -> Self {
        self.more = format!("---\n{}", revocation(spec));
        self
    }
}

pub(crate) fn in_shop(reference: &str) -> Request {
    request(reference).in_namespace(Namespace::new("shop"))
}

pub(crate) fn given(policies: &PolicySet, request: &Request, bundles: Vec<Vec<u8>>) -> Request {
    let approvals = Approvals::examine(bundles, policies.trust(), &Limits::default());
    request.clone().with_break_glass(approvals.unwrap())
}

/// Effect, and the status of the only statement.
pub(crate) fn came(decision: &Decision) -> (Verdict, &'static str) {
    let outcome = decision.break_glass().unwrap();
    let [one] = outcome.statements.as_slice() else {
        panic!("one statement: {outcome:?}")
    };
    (decision.effect(), one.status.as_str())
}

#[test]
fn two_approvals_of_the_same_bytes_let_the_image_run_loudly() {
    let night = Night::new();
    let decision = night.decide(night.approved(&night.statement(), &[0, 2]));
    assert_eq!(came(&decision), (Verdict::Allow, "used"));
    assert!(decision.is_by_break_glass());
    // What was judged stays, with its reason and what would have followed.
    assert_eq!(decision.judged(), Verdict::Deny);
    assert_eq!(decision.enforced(), Verdict::Deny);
    assert_eq!(decision.policies()[0].effect, Verdict::Deny);
    let rule = &decision.policies()[0].rules[0];
    assert_eq!(
        (rule.code, rule.effect),
        (Some(ReasonCode::NoEvidence), Verdict::Deny)
    );
    let outcome = decision.break_glass().unwrap();
    let [overridden] = outcome.overridden.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(overridden.rule.as_deref(), Some("r0"));
    assert_eq!(overridden.code, ReasonCode::NoEvidence);
    let used = outcome.used().unwrap();
    assert_eq!(used.by.as_ref().unwrap().0, "oncall");
    let mut by: Vec<_> = used
        .approvals
        .iter()
        .filter_map(|it| it.signer.as_deref())
        .collect();
    by.sort_unstable();
    assert_eq!(by, ["a", "lead"]);
    let [warning] = decision.warnings() else {
        panic!("{:?}", decision.warnings())
    };
    assert_eq!(warning.code, ReasonCode::BreakGlassUsed);
    for part in [
        "BREAK-GLASS `bg-1`",
        "INC-7",
        "the registry is down",
        "`a`",
        "`oncall`",
    ] {
        assert!(warning.message.contains(part), "{}", warning.message);
    }
    // Evidence about the image is one thing, and approvals another.
    assert!(decision.evidence().is_empty());
}

#[test]
fn one_approval_is_not_enough_however_often_it_is_given() {
    let night = Night::new();
    let one = night.approved(&night.statement(), &[0]);
    let stranger = Key::generate(Algorithm::P256);
    let by_stranger = approval(&night.world.forge, &night.statement(), &stranger);
    for bundles in [
        one.clone(),
        night.approved(&night.statement(), &[0, 0]),
        [one.clone(), vec![by_stranger]].concat(),
    ] {
        let decision = night.decide(bundles);
        assert_eq!(came(&decision), (Verdict::Deny, "too-few-approvals"));
        let warning = decision.warnings().last().unwrap();
        assert_eq!(warning.code, ReasonCode::BreakGlassApprovals);
        assert!(
            warning.message.contains("1 of 2 count (`a`)"),
            "{}",
            warning.message
        );
        assert!(decision.break_glass().unwrap().overridden.is_empty());
    }
    let with_other = night.decide(night.approved(&night.statement(), &[0, 1]));
    assert_eq!(came(&with_other), (Verdict::Allow, "used"));
}

#[test]
fn approvals_of_two_texts_never_add_up() {
    let night = Night::new();
    let one = night.statement();
    let other = with(one.clone(), "/predicate/reason", json!("another reason"));
    let mut bundles = night.approved(&one, &[0]);
    bundles.extend(night.approved(&other, &[1]));
    let decision = night.decide(bundles);
    assert_eq!(decision.effect(), Verdict::Deny);
    let statements = &decision.break_glass().unwrap().statements;
    assert_eq!(statements.len(), 2);
    for one in statements {
        assert_eq!(one.status, BreakGlassStatus::TooFewApprovals);
    }
    // The same text with a blank more is other bytes.
    let spaced = format!("{one} ");
    let mut bundles = night.approved(&one, &[0]);
    bundles.push(approval_of(
        &night.world.forge,
        spaced.as_bytes(),
        &night.people[1],
    ));
    assert_eq!(night.decide(bundles).effect(), Verdict::Deny);
}

#[test]
fn what_a_statement_says_has_to_fit_the_request() {
    let night = Night::new();
    let digest = night.world.digest();
    let other = Digest::of(b"other").to_string();
    let of = |name: &str, digest: &str| statement(&[(name, digest)], &time(-60), &time(60));
    let halves = statement(
        &[(APP, &other), ("ghcr.io/acme/other", &digest)],
        &time(-60),
        &time(60),
    );
    let good = night.statement();
    let at = |pointer: &str, value: Value| with(good.clone(), pointer, value);
    for (what, statement, status) in [
        (
            "cluster",
            at("/predicate/cluster", json!("prod-eu-2")),
            "other-cluster",
        ),
        (
            "namespace",
            at("/predicate/namespaces", json!(["cart"])),
            "other-namespace",
        ),
        ("digest", of(APP, &other), "other-image"),
        (
            "repository",
            of("ghcr.io/acme/other", &digest),
            "other-image",
        ),
        ("host", of("docker.io/acme/app", &digest), "other-image"),
        ("halves of two subjects", halves, "other-image"),
        (
            "future",
            at("/predicate/notBefore", json!(time(1))),
            "too-early",
        ),
        ("over", at("/predicate/notAfter", json!(time(0))), "expired"),
        (
            "long",
            at("/predicate/notAfter", json!(time(3 * 3600 + 1))),
            "too-long",
        ),
    ] {
        let decision = night.decide(night.approved(&statement, &[0, 1]));
        assert_eq!(came(&decision), (Verdict::Deny, status), "{what}");
        let outcome = decision.break_glass().unwrap();
        assert_eq!(outcome.statements[0].approvals.len(), 2, "{what}");
        let code = outcome.statements[0].status.code().unwrap();
        let told = decision.warnings().iter().any(|it| it.code == code);
        assert!(told, "{what}: {:?}", decision.warnings());
    }
    for (what, statement) in [
        ("first second", at("/predicate/notBefore", json!(time(0)))),
        ("last second", at("/predicate/notAfter", json!(time(1)))),
        (
            "just as long",
            at("/predicate/notAfter", json!(time(3 * 3600))),
        ),
        (
            "several namespaces",
            at("/predicate/namespaces", json!(["cart", "shop"])),
        ),
    ] {
        let decision = night.decide(night.approved(&statement, &[0, 1]));
        assert_eq!(came(&decision), (Verdict::Allow, "used"), "{what}");
    }
}

#[test]
fn the_namespace_has_to_be_known_and_allowed() {
    let mut night = Night::new();
    let pinned = format!("{APP}@{}", night.world.digest());
    let both = with(
        night.statement(),
        "/predicate/namespaces",
        json!(["shop", "cart"]),
    );
    let bundles = night.approved(&both, &[0, 1]);
    let unknown = night.decide_of(&request(&pinned), bundles.clone());
    assert_eq!(came(&unknown), (Verdict::Deny, "other-namespace"));
    let message = &unknown.break_glass().unwrap().statements[0].message;
    assert!(message.contains("--namespace"), "{message}");
    let cart = request(&pinned).in_namespace(Namespace::new("cart"));
    let decision = night.decide_of(&cart, bundles.clone());
    assert_eq!(came(&decision), (Verdict::Deny, "out-of-scope"));
    night.rest = "maxDuration: 4h, namespaces: [\"c*\"]".to_owned();
    let decision = night.decide_of(&cart, bundles);
    assert_eq!(came(&decision), (Verdict::Allow, "used"));
}

#[test]
fn a_whole_namespace_only_where_that_is_allowed() {
    let mut night = Night::new();
    let whole = of_namespaces(night.statement());
    let bundles = night.approved(&whole, &[0, 1]);
    assert_eq!(
        came(&night.decide(bundles.clone())),
        (Verdict::Deny, "out-of-scope")
    );
    night.rest.push_str(", allowNamespaceScope: true");
    assert_eq!(
        came(&night.decide(bundles.clone())),
        (Verdict::Allow, "used")
    );
    let tag = in_shop(&format!("{APP}:v1"));
    let down = night.unresolved(GapClass::Unavailable, &tag, bundles.clone());
    assert_eq!(came(&down), (Verdict::Allow, "used"));
    let cart = request(&format!("{APP}:v1")).in_namespace(Namespace::new("cart"));
    let elsewhere = night.unresolved(GapClass::Unavailable, &cart, bundles);
    assert_eq!(came(&elsewhere), (Verdict::Unknown, "other-namespace"));
}

#[test]
fn a_registry_that_is_down_is_overridden_and_one_that_lies_is_not() {
    let night = Night::new();
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let pinned = in_shop(&format!("{APP}@{}", night.world.digest()));
    let down = night.unresolved(GapClass::Unavailable, &pinned, bundles.clone());
    assert_eq!(came(&down), (Verdict::Allow, "used"));
    assert_eq!(down.enforced(), Verdict::Unknown);
    assert_eq!(down.digest(), None);
    let code = down.break_glass().unwrap().overridden[0].code;
    assert_eq!(code, ReasonCode::RegistryUnavailable);
    // A tag alone says nothing of the digest that was approved.
    let tag = in_shop(&format!("{APP}:v1"));
    let tagged = night.unresolved(GapClass::Unavailable, &tag, bundles.clone());
    assert_eq!(came(&tagged), (Verdict::Unknown, "other-image"));
    let lying = night.unresolved(GapClass::Hostile, &pinned, bundles.clone());
    assert_eq!(came(&lying), (Verdict::Unknown, "hostile"));
    for hides in [None, Some(FoundBy::Referrers), Some(FoundBy::SignatureTag)] {
        let gapped = |class| {
            let night = Night {
                world: World::new().gap(class, hides),
                people: night.people.clone(),
                ..Night::new()
            };
            came(&night.decide(bundles.clone()))
        };
        assert_eq!(gapped(GapClass::Hostile).1, "hostile", "{hides:?}");
        assert_eq!(
            gapped(GapClass::Unavailable),
            (Verdict::Allow, "used"),
            "{hides:?}"
        );
    }
}

#[test]
fn another_image_than_was_asked_for_is_never_let_in() {
    let night = Night::new();
    let other = Digest::of(b"other").to_string();
    let about = statement(&[(APP, &other)], &time(-60), &time(60));
    let request = in_shop(&format!("{APP}@{other}"));
    let decision = night.decide_of(&request, night.approved(&about, &[0, 1]));
    assert_eq!(came(&decision), (Verdict::Deny, "hostile"));
}

#[test]
fn what_is_revoked_stays_denied() {
    let digest = World::new().digest();
    let night = Night::new().revoking(&format!("digests: [\"{digest}\"]"));
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let pinned = in_shop(&format!("{APP}@{digest}"));
    assert_eq!(
        came(&night.decide(bundles.clone())),
        (Verdict::Deny, "revoked-image")
    );
    let down = night.unresolved(GapClass::Unavailable, &pinned, bundles.clone());
    assert_eq!(came(&down), (Verdict::Deny, "revoked-image"));
    // Where other images are revoked, the one that people named by digest still runs while the registry is down.
    let other = Digest::of(b"other");
    let mut night = Night::new().revoking(&format!("digests: [\"{other}\"]"));
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let down = night.unresolved(GapClass::Unavailable, &pinned, bundles);
    assert_eq!(came(&down), (Verdict::Allow, "used"));
    let overridden = &down.break_glass().unwrap().overridden;
    assert!(
        overridden
            .last()
            .unwrap()
            .message
            .contains("platform that is revoked")
    );
    night.rest.push_str(", allowNamespaceScope: true");
    let bundles = night.approved(&of_namespaces(night.statement()), &[0, 1]);
    for request in [pinned, in_shop(&format!("{APP}:v1"))] {
        let down = night.unresolved(GapClass::Unavailable, &request, bundles.clone());
        assert_eq!(came(&down), (Verdict::Unknown, "untold"));
    }
}

#[test]
fn an_image_with_revoked_evidence_stays_denied() {
    const CI: &str = "identities: [{issuer: \"https://token.actions.githubusercontent.com\", subject: \"https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main\"}]";
    let signed = World::new().signed_by(&Identity::default());
    let night = Night::of(signed).revoking(CI);
    let bundles = night.approved(&night.statement(), &[0, 1]);
    assert_eq!(
        came(&night.decide(bundles)),
        (Verdict::Deny, "revoked-image")
    );
    // Not where nothing of it is there.
    let night = Night::new().revoking(CI);
    let bundles = night.approved(&night.statement(), &[0, 1]);
    assert_eq!(came(&night.decide(bundles)), (Verdict::Allow, "used"));
    let digest = Digest::of(b"0");
    let signed = World::new().signed_by(&Identity::default());
    let mut night = Night::of(signed).revoking(&format!("evidence: [\"{digest}\"]"));
    // That another rule passes in spite of it makes no difference.
    night.rules = vec![
        "statement: {from: ci, predicateType: https://acme.example/x}",
        "signature: {from: ci}",
    ];
    let bundles = night.approved(&night.statement(), &[0, 1]);
    assert_eq!(
        came(&night.decide(bundles)),
        (Verdict::Deny, "revoked-image")
    );
}

#[test]
fn what_vex_says_and_is_revoked_bars_it_too() {
    let vexed = crate::vulnerabilities::VULN;
    let ci_identity = Identity::default();
    let world = World::new()
        .attested(
            &ci_identity,
            0,
            vexed,
            &crate::vulnerabilities::scan(&[crate::vulnerabilities::finding("CVE-1", "HIGH")]),
        )
        .attested(
            &ci_identity,
            0,
            crate::vulnerabilities::OPENVEX,
            &crate::vulnerabilities::vex(
                "CVE-1",
                "not_affected",
                Some("vulnerable_code_not_present"),
                None,
            ),
        );
    let revoked = Digest::of(b"1");
    let mut night = Night::of(world);
    night.rules = vec!["vulnerabilities: {from: ci, denyFrom: high, vex: {from: ci}}"];
    let bundles = night.approved(&night.statement(), &[0, 1]);
    assert_eq!(
        came(&night.decide(bundles.clone())),
        (Verdict::Allow, "not-needed")
    );
    let night = night.revoking(&format!("evidence: [\"{revoked}\"]"));
    assert_eq!(
        came(&night.decide(bundles)),
        (Verdict::Deny, "revoked-image")
    );
}

#[test]
fn approvals_and_statements_can_be_revoked() {
    let night = Night::new();
    let text = night.statement();
    let bundles = night.approved(&text, &[0, 1]);
    let (bundle, payload) = (
        Digest::of(&bundles[0]),
        Digest::of(text.to_string().as_bytes()),
    );
    for spec in [
        "keys: [a/k]".to_owned(),
        format!("evidence: [\"{bundle}\"]"),
        format!("evidence: [\"{payload}\"]"),
    ] {
        let night = Night {
            people: night.people.clone(),
            ..Night::new().revoking(&spec)
        };
        let decision = night.decide(bundles.clone());
        assert_eq!(
            came(&decision),
            (Verdict::Deny, "too-few-approvals"),
            "{spec}"
        );
    }
    // A third one makes up for one who is revoked.
    let night = Night::new().revoking("keys: [a/k]");
    let decision = night.decide(night.approved(&night.statement(), &[0, 1, 2]));
    assert_eq!(came(&decision), (Verdict::Allow, "used"));
    let mut night = Night::new();
    night.rest.push_str(", revoked: [bg-0, bg-1]");
    let decision = night.decide(night.approved(&night.statement(), &[0, 1]));
    assert_eq!(came(&decision), (Verdict::Deny, "revoked"));
}

#[test]
fn break_glass_is_no_evidence_and_evidence_is_no_break_glass() {
    let night = Night::new();
    // Attached to the image it is listed, and signs nothing.
    let [first, second] = [0, 1].map(|it| night.approved(&night.statement(), &[it]).remove(0));
    let mut attached = Night::new();
    attached.people.clone_from(&night.people);
    attached.world = World::new()
        .bundle(|_, _| first.clone())
        .bundle(|_, _| second.clone());
    attached.rules = vec!["signature: {from: a}"];
    let pinned = in_shop(&format!("{APP}@{}", night.world.digest()));
    let decision = attached.decide_of(&pinned, Vec::new());
    assert_eq!(decision.effect(), Verdict::Deny);
    assert!(
        decision.break_glass().is_none(),
        "nobody handed anything over"
    );
    assert_eq!(decision.evidence().len(), 2);
    // No rule can ask for it.
    let mut asking = Night::new();
    asking.rules = vec![
        "statement: {from: a, predicateType: https://countersign.dev/break-glass/v1, match: any}",
    ];
    let sources = [Source {
        name: "policy.yaml".to_owned(),
        text: asking.set(),
    }];
    let loaded = PolicySet::load(&sources, &NoFiles, &[]);
    assert!(loaded.policies.is_none());
    assert!(
        loaded
            .diagnostics
            .iter()
            .any(|it| it.code == ReasonCode::ReservedName)
    );
    // Another attestation by the same people over the same image.
    let forge: &Forge = &night.world.forge;
    let digest = night.world.digest();
    let others: Vec<Vec<u8>> = night
        .people
        .iter()
        .map(|key| {
            attestation(forge, &digest, "https://acme.example/approved")
                .keyed(key)
                .bundle()
        })
        .collect();
    let decision = night.decide(others);
    assert_eq!(decision.effect(), Verdict::Deny);
    let outcome = decision.break_glass().unwrap();
    assert!(outcome.statements.is_empty());
    assert_eq!(outcome.refused.len(), 3);
    assert_eq!(outcome.refused[0].code, ReasonCode::BreakGlassMalformed);
    assert!(
        decision
            .warnings()
            .iter()
            .any(|it| it.code == ReasonCode::BreakGlassMalformed)
    );
}

#[test]
fn what_was_changed_after_it_was_signed_counts_for_nothing() {
    let night = Night::new();
    let text = night.statement();
    let forge = &night.world.forge;
    let tampered = forge
        .envelope("application/vnd.in-toto+json", text.to_string().as_bytes())
        .keyed(&night.people[0])
        .with_signature(|signature| signature[10] ^= 1)
        .bundle();
    let mut bundles = night.approved(&text, &[1]);
    bundles.push(tampered);
    bundles.push(b"{}".to_vec());
    let decision = night.decide(bundles);
    assert_eq!(came(&decision), (Verdict::Deny, "too-few-approvals"));
    let outcome = decision.break_glass().unwrap();
    assert_eq!(outcome.statements[0].refused.len(), 1);
    assert_eq!(outcome.statements[0].approvals.len(), 1);
    assert_eq!(outcome.refused[0].code, ReasonCode::BundleMalformed);
}

#[test]
fn an_image_that_is_allowed_needs_no_break_glass() {
    let night = Night::of(World::new().signed_by(&Identity::default()));
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let decision = night.decide(bundles);
    assert_eq!(came(&decision), (Verdict::Allow, "not-needed"));
    assert!(!decision.is_by_break_glass());
    assert!(decision.warnings().is_empty(), "{:?}", decision.warnings());
}

#[test]
fn without_a_break_glass_no_statement_counts() {
    let night = Night::new();
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let set = night.set();
    let (without, _) = set.rsplit_once("---\n").unwrap();
    let pinned = in_shop(&format!("{APP}@{}", night.world.digest()));
    let decision = night.decide_by(without, &pinned, bundles.clone());
    assert_eq!(came(&decision), (Verdict::Deny, "not-allowed"));
    // Approvals that were examined under other keys than the set's prove nothing.
    let other = night.world.policies(without);
    let request = given(&other, &pinned, bundles);
    let third = night.set_of("{all: [a, b]}");
    let third = night.world.policies(
        &third
            .replace("metadata: {name: ci}", "metadata: {name: c-i}")
            .replace("from: ci", "from: c-i"),
    );
    let more = Key::generate(Algorithm::P256);
    let more = night.world.policies(&format!(
        "{}---\n{}",
        night.set(),
        keyed("more", &more.public_pem(), "", BARE)
    ));
    let gap = gap(GapClass::Unavailable, None);
    let resolution = Resolution::Unresolved(&gap);
    assert_eq!(
        came(&decide(&third, &request, resolution, NOW)).1,
        "used",
        "the same trust"
    );
    assert_eq!(
        came(&decide(&more, &request, resolution, NOW)).1,
        "too-few-approvals"
    );
}

#[test]
fn of_several_documents_one_alone_has_to_be_satisfied() {
    let mut night = Night::new();
    let document = |name: &str, from: &str, rest: &str| {
        format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: BreakGlass\nmetadata: {{name: {name}}}\nspec: {{from: {from}, {rest}}}\n"
        )
    };
    // Three for a short time there, two for a long time elsewhere.
    night.rest = "maxDuration: 1h, namespaces: [shop]".to_owned();
    night.more = document("cart", "lead", "maxDuration: 8h, namespaces: [cart]");
    let decision = night.decide(night.approved(&night.statement(), &[0, 1, 2]));
    assert_eq!(came(&decision), (Verdict::Deny, "too-long"));
    night.more = document("leads", "lead", "maxDuration: 3h, namespaces: [shop]");
    let decision = night.decide(night.approved(&night.statement(), &[0, 1]));
    assert_eq!(came(&decision), (Verdict::Deny, "too-few-approvals"));
    let decision = night.decide(night.approved(&night.statement(), &[2]));
    assert_eq!(came(&decision), (Verdict::Allow, "used"));
    let used = decision.break_glass().unwrap().used().unwrap().by.clone();
    assert_eq!(used.unwrap().0, "leads");
}

#[test]
fn of_several_statements_one_is_used() {
    let night = Night::new();
    let first = night.statement();
    let second = with(first.clone(), "/predicate/id", json!("bg-2"));
    let mut bundles = night.approved(&first, &[0, 1]);
    bundles.extend(night.approved(&second, &[0, 1]));
    let decision = night.decide(bundles);
    let statuses: Vec<_> = decision
        .break_glass()
        .unwrap()
        .statements
        .iter()
        .map(|it| it.status.as_str())
        .collect();
    assert_eq!(statuses, ["used", "spare"]);
}

#[test]
fn an_image_that_no_policy_names_is_let_in_as_well() {
    let night = Night::new();
    let digest = night.world.digest();
    let name = "ghcr.io/elsewhere/app";
    let text = statement(&[(name, &digest)], &time(-60), &time(60));
    let request = in_shop(&format!("{name}@{digest}"));
    let decision = night.decide_of(&request, night.approved(&text, &[0, 1]));
    assert_eq!(came(&decision), (Verdict::Allow, "used"));
    assert_eq!(decision.unmatched().unwrap().effect, Verdict::Deny);
    let [overridden] = decision.break_glass().unwrap().overridden.as_slice() else {
        panic!("{decision:?}")
    };
    assert_eq!(overridden.code, ReasonCode::Unmatched);
}

#[test]
fn with_break_glass_it_is_asked_what_the_image_is() {
    let mut night = Night::new();
    night.rules = vec!["digest: required"];
    let policies = night.world.policies(&night.set());
    let tag = in_shop(&format!("{APP}:v1"));
    assert!(policies.needs(&tag).is_empty());
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let needs = policies.needs(&given(&policies, &tag, bundles.clone()));
    assert!(needs.manifest);
    // The digest is what the tag turns out to mean.
    let decision = night.decide_of(&tag, bundles.clone());
    assert_eq!(came(&decision), (Verdict::Allow, "used"));
    // Where nothing was asked, nobody knows what must not be overridden.
    let pinned = in_shop(&format!("{APP}@{}", night.world.digest()));
    let request = given(&policies, &pinned, bundles);
    night.rules = vec!["signature: {from: ci}"];
    let policies = night.world.policies(&night.set());
    let decision = decide(&policies, &request, Resolution::NotAsked, NOW);
    assert_eq!(came(&decision), (Verdict::Unknown, "untold"));
}

#[test]
fn a_nested_index_may_hide_what_is_revoked() {
    let mut inner = child("inner", linux("amd64"));
    inner["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
    let mut night = Night::of(Family::of(&[inner]).world);
    night.rules = vec![ON_INDEX];
    let bundles = night.approved(&night.statement(), &[0, 1]);
    assert_eq!(
        came(&night.decide(bundles.clone())),
        (Verdict::Allow, "used")
    );
    let other = Digest::of(b"other");
    let night = night.revoking(&format!("digests: [\"{other}\"]"));
    assert_eq!(came(&night.decide(bundles)).1, "untold");
}

#[test]
fn a_statement_is_judged_without_the_image() {
    let night = Night::new();
    let policies = night.world.policies(&night.set());
    let pinned = in_shop(&format!("{APP}@{}", night.world.digest()));
    let judge = |policies: &PolicySet, by: &[usize], now: UnixTime| {
        let request = given(policies, &pinned, night.approved(&night.statement(), by));
        judge_break_glass(policies, &request, now)
            .unwrap()
            .statements[0]
            .status
            .as_str()
    };
    assert_eq!(judge(&policies, &[0, 1], NOW), "holds");
    assert_eq!(judge(&policies, &[0], NOW), "too-few-approvals");
    assert_eq!(judge(&policies, &[0, 1], NOW.plus(2 * 3600)), "expired");
    assert!(judge_break_glass(&policies, &pinned, NOW).is_none());
    let revoking = format!(
        "{}---\n{}",
        night.set(),
        revocation(&format!("digests: [\"{}\"]", night.world.digest()))
    );
    assert_eq!(
        judge(&night.world.policies(&revoking), &[0, 1], NOW),
        "revoked-image"
    );
}

#[test]
fn the_report_keeps_what_was_handed_over() {
    let night = Night::new();
    let bundles = night.approved(&night.statement(), &[0, 1]);
    let decision = night.decide(bundles.clone());
    let text = Report::new(std::slice::from_ref(&decision)).to_json();
    let report = Report::from_json(text.as_bytes()).unwrap();
    assert_eq!(report.to_json(), text);
    assert_eq!(report.effect, "allow");
    let image = &report.images[0];
    assert_eq!(image.request.break_glass_bundles().unwrap(), bundles);
    let part = image.break_glass.as_ref().unwrap();
    assert!(part.used);
    assert_eq!(part.enforced, "deny");
    assert_eq!(part.overrode[0].rule.as_deref(), Some("r0"));
    assert_eq!(part.statements[0].images[0].repository, APP);
    let mut broken = report.images[0].request.clone();
    broken.break_glass.push("?".to_owned());
    assert!(broken.break_glass_bundles().is_err());
}

#[test]
fn nobody_is_buried_under_approvals() {
    let policies = Night::new();
    let policies = policies.world.policies(&policies.set());
    let examine = |bundles| Approvals::examine(bundles, policies.trust(), &Limits::default());
    assert!(examine(vec![b"{}".to_vec(); 64]).is_ok());
    assert!(examine(vec![b"{}".to_vec(); 65]).is_err());
    assert!(examine(vec![vec![b' '; 1024 * 1024 + 1]]).is_err());
}

/// A level is the word that a policy was passed; what people let run has passed none.
#[test]
fn what_break_glass_lets_run_is_not_promoted() {
    let night = Night::new();
    let set = night.set().replace(
        "{name: p}\nspec:\n",
        "{name: p}\nspec:\n  emits: ACME_STAGING\n",
    );
    assert!(set.contains("emits"));
    let pinned = format!("{APP}@{}", night.world.digest());
    let approved = night.approved(&night.statement(), &[0, 1]);
    let decision = night.decide_by(&set, &in_shop(&pinned), approved);
    assert_eq!(decision.effect(), Verdict::Allow);
    let refused = Promotion::of(&decision, "ACME_STAGING").unwrap_err();
    assert_eq!(refused.as_str(), "break-glass");
}
