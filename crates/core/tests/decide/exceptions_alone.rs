//! Two Exceptions never say more together than each says alone.

use countersign_core::{
    Decision, Digest, ImageRef, Namespace, Outcome, Request, UnixTime, Verdict,
};
use countersign_testkit::forge::Identity;
use proptest::prelude::*;

use crate::exceptions::{SIGNATURE, exception, judged};
use crate::world::{SIGNED, World, ci, policy, settings};

/// What the exceptions of the property say; held against the evaluator by rules that are written down anew.
#[derive(Debug, Clone)]
struct Said {
    policy: &'static str,
    rules: Vec<usize>,
    images: Vec<(usize, Option<bool>)>,
    namespace: Option<&'static str>,
    /// Seconds from now.
    expires: i64,
}

/// Patterns, each with which of `NAMES` it fits.
const PATTERNS: [(&str, [bool; 3]); 5] = [
    ("ghcr.io/acme/a", [true, false, false]),
    ("ghcr.io/acme/*", [true, true, false]),
    ("ghcr.io/**", [true, true, true]),
    ("ghcr.io/*/b", [false, true, false]),
    ("ghcr.io/other/**", [false, false, true]),
];
const NAMES: [&str; 3] = ["ghcr.io/acme/a", "ghcr.io/acme/b", "ghcr.io/other/a/b"];
const RULES: [&str; 3] = [
    SIGNATURE,
    "statement: {from: ci, predicateType: https://cyclonedx.org/bom}",
    "digest: resolve-at-admission-unsafe",
];

fn said() -> impl Strategy<Value = Said> {
    (
        prop::sample::select(&["p", "q"][..]),
        prop::sample::subsequence(vec![0, 1, 2], 1..=3),
        prop::collection::btree_map(0..PATTERNS.len(), prop::option::of(any::<bool>()), 1..3),
        prop::option::of(prop::sample::select(&["one", "two"][..])),
        prop::sample::select(&[-86_400, 0, 1, 86_400][..]),
    )
        .prop_map(|(policy, rules, images, namespace, expires)| Said {
            policy,
            rules,
            images: images.into_iter().collect(),
            namespace,
            expires,
        })
}

impl Said {
    fn written(&self, name: &str, digest: &str) -> String {
        let other = Digest::of(b"other").to_string();
        let rules: Vec<String> = self.rules.iter().map(|rule| format!("r{rule}")).collect();
        let images = self
            .images
            .iter()
            .map(|(pattern, digested)| match digested {
                None => format!("\"{}\"", PATTERNS[*pattern].0),
                Some(true) => format!("\"{}@{digest}\"", PATTERNS[*pattern].0),
                Some(false) => format!("\"{}@{other}\"", PATTERNS[*pattern].0),
            });
        let images: Vec<String> = images.collect();
        let namespace = self
            .namespace
            .map(|it| format!(", namespaces: {{names: [{it}]}}"));
        let spec = format!(
            "policy: {}, rules: [{}], images: [{}], expires: {}{}",
            self.policy,
            rules.join(", "),
            images.join(", "),
            UnixTime::from_seconds(SIGNED + 60 + self.expires),
            namespace.unwrap_or_default()
        );
        exception(name, &spec)
    }

    /// Alone, and in every respect.
    fn covers(&self, policy: &str, rule: usize, name: usize, namespace: Option<&str>) -> bool {
        let image = |(pattern, digested): &(usize, Option<bool>)| {
            PATTERNS[*pattern].1[name] && *digested != Some(false)
        };
        self.policy == policy
            && self.rules.contains(&rule)
            && self.images.iter().any(image)
            && (self.namespace.is_none() || self.namespace == namespace)
            && self.expires > 0
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// A rule is waived if and only if one single exception covers it; two never say more together than each alone.
    #[test]
    fn exceptions_never_add_up(
        all in prop::collection::vec(said(), 0..5),
        name in 0..NAMES.len(),
        namespace in prop::option::of(prop::sample::select(&["one", "two", "three"][..])),
        signed in any::<bool>(),
        pinned in any::<bool>(),
        modes in prop::array::uniform2(prop::sample::select(&["enforce", "enforce", "warn", "audit"][..])),
    ) {
        let world = World::new();
        let world = if signed { world.signed_by(&Identity::default()) } else { world };
        let digest = world.digest();
        let mut text = [settings("allow", "deny"), ci()].join("---\n");
        for (policy_name, mode) in ["p", "q"].iter().zip(modes) {
            let written = policy(policy_name, mode, "", &RULES).replace("ghcr.io/acme/**", "**");
            text = format!("{text}---\n{written}");
        }
        let image = if pinned { format!("{}@{digest}", NAMES[name]) } else { format!("{}:v1", NAMES[name]) };
        let mut request = Request::named(&ImageRef::parse(&image).unwrap());
        if let Some(namespace) = namespace {
            request = request.in_namespace(Namespace::new(namespace));
        }
        let with = |exceptions: &[Said]| {
            let mut text = text.clone();
            for (number, said) in exceptions.iter().enumerate() {
                text = format!("{text}---\n{}", said.written(&format!("e{number}"), &digest));
            }
            judged(&world, &text, &request)
        };
        let plain = with(&[]);
        let together = with(&all);
        let alone: Vec<Decision> = all.iter().map(|one| with(std::slice::from_ref(one))).collect();
        prop_assert_eq!(plain.judged(), together.judged());
        let mut denies = false;
        for (at, outcome) in together.policies().iter().enumerate() {
            for (number, rule) in outcome.rules.iter().enumerate() {
                let failed = rule.outcome != Outcome::Pass;
                let covered = all.iter().any(|one| one.covers(&outcome.name, number, name, namespace));
                prop_assert_eq!(rule.waived_by().is_some(), failed && covered);
                let by_one = alone.iter().any(|one| one.policies()[at].rules[number].waived_by().is_some());
                prop_assert_eq!(rule.waived_by().is_some(), by_one);
                prop_assert_eq!(rule.code, plain.policies()[at].rules[number].code);
                denies |= failed && !covered && outcome.mode.as_str() == "enforce";
            }
        }
        prop_assert_eq!(together.effect(), if denies { Verdict::Deny } else { Verdict::Allow });
    }
}
