//! Proofs are kept apart from what policies demand: a changed Signer decides at once, and nothing is verified again.

#[path = "cache_fields.rs"]
mod fields;

use std::collections::BTreeSet;

use countersign_core::{
    Content, Decision, Digest, Evidence, Files, Limits, Loaded, PolicySet, ProofCache, Resolution,
    Source, decide, examine_cached,
};
use countersign_testkit::forge::{Algorithm, Forge, Identity, Key, trusted_root_of};
use serde_json::Value;

use fields::{ci, fields, pem, person, table};

use crate::world::{NOW, SIGNED, World, policy, request, settings};

const ACCOUNTS: &str = "https://accounts.example";
const CI: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
const COMMIT: &str = "a3c1f5b2d4e60718293a4b5c6d7e8f9001122334";
const OTHER: &str = "b3c1f5b2d4e60718293a4b5c6d7e8f9001122334";

/// What becomes of a policy that let the image pass, when one field is changed.
enum After {
    /// The rule fails with this code.
    Fails(&'static str),
    /// The set is refused with this code: no valid one says so under the same trust root.
    Refused(&'static str),
    /// The field only names something.
    Same,
}
use After::{Fails, Refused, Same};

/// Evidence of every kind, all of it sound, and everything that vouches for it.
struct Scene {
    world: World,
    roots: Vec<(&'static str, String)>,
    keys: [Key; 2],
    cache: ProofCache,
}

impl Scene {
    fn new() -> Self {
        let keys = [
            Key::generate(Algorithm::P256),
            Key::generate(Algorithm::P256),
        ];
        let other = Forge::builder(SIGNED).domain("other.example").build();
        let person = |name: &str| Identity::email(&format!("{name}@acme.example"), ACCOUNTS);
        let mut ci = Identity::default();
        ci.claims.insert(23, "production".to_owned());
        ci.claims
            .insert(24, "repo:acme/app:environment:production".to_owned());
        let world = World::new()
            .bundle(|forge, digest| {
                forge
                    .image_signature(digest)
                    .keyless(ci.clone())
                    .rekor_v1()
                    .timestamp()
                    .bundle()
            })
            .signed_by(&person("logged"))
            .bundle(|forge, digest| {
                forge
                    .image_signature(digest)
                    .keyless(person("stamped"))
                    .timestamp()
                    .bundle()
            })
            .bundle(|forge, digest| {
                let twice = forge.image_signature(digest).keyless(person("twice"));
                twice.rekor_v1().rekor_v2().timestamp().timestamp().bundle()
            })
            .bundle(|forge, digest| {
                let by_two = forge
                    .image_signature(digest)
                    .keyless(person("by-two"))
                    .rekor_v1()
                    .timestamp();
                by_two
                    .logged_by(&other.rekor_v1)
                    .stamped_by(&other.tsa)
                    .bundle()
            })
            .bundle(|forge, digest| {
                let hidden = forge.image_signature(digest).keyless(person("hidden"));
                hidden.with_scts(Vec::clear).rekor_v1().bundle()
            })
            .bundle(|forge, digest| {
                let old = forge
                    .image_signature(digest)
                    .keyless(person("old"))
                    .rekor_v1();
                old.version("0.2").bundle()
            })
            .bundle(|forge, digest| {
                forge
                    .image_signature(digest)
                    .keyed(&keys[0])
                    .rekor_v1()
                    .bundle()
            });
        let (payload, annotations) = world
            .forge
            .simple_signing(&world.digest())
            .keyless(person("layer"))
            .rekor_v1()
            .sig();
        let world = world.attach(Content::SimpleSigning {
            payload: payload.into(),
            annotations,
        });
        let mut private: Value = serde_json::from_str(&world.forge.trusted_root()).unwrap();
        private["ctlogs"] = Value::Array(Vec::new());
        let roots = vec![
            ("first", world.forge.trusted_root()),
            ("second", other.trusted_root()),
            ("without-ct", private.to_string()),
            ("both", trusted_root_of(&[&world.forge, &other]).to_string()),
        ];
        Self {
            world,
            roots,
            keys,
            cache: ProofCache::default(),
        }
    }

    /// A set with this Signer. Keys that it does not use are another's, so that the trust is the same whatever it says.
    fn load(&self, signer: &str) -> Loaded {
        let mut documents = vec![
            settings("deny", "deny"),
            policy("p", "enforce", "", &["signature: {from: s}"]),
        ];
        for (name, json) in &self.roots {
            documents.push(format!(
                "apiVersion: countersign.dev/v1alpha1\nkind: TrustRoot\nmetadata: {{name: {name}}}\nspec:\n  trustedRoot: |\n    {json}\n"
            ));
        }
        let unused: String = (0..self.keys.len())
            .filter(|key| {
                !signer.contains(&pem(&self.keys[*key])) && !signer.contains(&format!("{key}.pub"))
            })
            .map(|key| format!("    - id: k{key}\n      pem: |\n{}", pem(&self.keys[key])))
            .collect();
        if !unused.is_empty() {
            documents.push(format!(
                "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: unused}}\nspec:\n  log: off\n  time: none\n  keys:\n{unused}"
            ));
        }
        documents.push(format!("apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: s}}\nspec:\n{signer}"));
        let source = Source {
            name: "policy.yaml".to_owned(),
            text: documents.join("---\n"),
        };
        PolicySet::load(&[source], self, &[])
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            items: self.world.items.clone(),
            gaps: Vec::new(),
            stale: Vec::new(),
        }
    }

    fn decide(&self, policies: &PolicySet) -> Decision {
        let (image, limits) = (&self.world.image, Limits::default());
        let findings = examine_cached(
            image,
            &self.evidence(),
            policies.trust(),
            &limits,
            &self.cache,
        );
        let resolution = Resolution::Examined {
            image,
            findings: &findings,
            children: &[],
        };
        decide(policies, &request("ghcr.io/acme/app"), resolution, NOW)
    }

    fn code(&self, signer: &str) -> &'static str {
        let loaded = self.load(signer);
        let policies = loaded
            .policies
            .unwrap_or_else(|| panic!("{signer}{:?}", loaded.diagnostics));
        crate::world::only_rule(&self.decide(&policies))
            .code
            .map_or("pass", |code| code.as_str())
    }
}

impl Files for Scene {
    fn read(&self, _from: &str, path: &str) -> Result<Vec<u8>, String> {
        let key = path
            .strip_suffix(".pub")
            .and_then(|key| key.parse::<usize>().ok());
        key.map(|key| self.keys[key].public_pem().into_bytes())
            .ok_or_else(|| "no".to_owned())
    }
}

#[test]
fn each_field_of_a_signer_decides_at_once_and_nothing_is_verified_again() {
    let scene = Scene::new();
    let full = u64::try_from(scene.world.items.len()).unwrap();
    assert_eq!(scene.code(&ci("source: {repository: acme/app}")), "pass");
    assert_eq!(scene.cache.stats().verifications, full);
    let table = table(&scene);
    for (field, before, after, expected) in &table {
        assert_eq!(scene.code(before), "pass", "{field}");
        match expected {
            Fails(code) => assert_eq!(scene.code(after), *code, "{field}"),
            Same => assert_eq!(scene.code(after), "pass", "{field}"),
            Refused(code) => {
                let loaded = scene.load(after);
                assert!(loaded.policies.is_none(), "{field}");
                assert!(
                    loaded
                        .diagnostics
                        .iter()
                        .any(|one| one.code.as_str() == *code),
                    "{field}"
                );
            }
        }
        assert_eq!(scene.code(before), "pass", "{field}, and back");
        assert_eq!(scene.cache.stats().verifications, full, "{field}");
    }
    assert!(scene.cache.stats().hits > 100 * full);
    let covered: BTreeSet<String> = table
        .iter()
        .map(|(field, ..)| (*field).to_owned())
        .collect();
    assert_eq!(
        covered,
        fields(),
        "each field of the schema stands in the table"
    );
}

#[test]
fn a_threshold_is_met_from_the_cache_too() {
    let scene = Scene::new();
    let demands = "  logOperators: 2\n  timestampOperators: 2\n";
    assert_eq!(
        scene.code(&person("by-two", demands).replace("first", "both")),
        "pass"
    );
    assert_eq!(
        scene.code(&person("twice", demands).replace("first", "both")),
        "log-threshold"
    );
    assert_eq!(
        scene.cache.stats().verifications,
        u64::try_from(scene.world.items.len()).unwrap()
    );
}

#[test]
fn a_proof_belongs_to_its_root_from_the_cache_too() {
    let scene = Scene::new();
    let of = |root: &str| person("logged", "").replace("first", root);
    for _ in 0..2 {
        assert_eq!(scene.code(&of("first")), "pass");
        assert_eq!(scene.code(&of("second")), "trust-root-mismatch");
        assert_eq!(scene.code(&of("both")), "pass");
    }
    assert_eq!(
        scene.cache.stats().verifications,
        u64::try_from(scene.world.items.len()).unwrap()
    );
}

#[test]
fn other_trust_other_limits_and_other_bytes_are_verified() {
    let mut scene = Scene::new();
    let count = scene.world.items.len();
    let policies = scene.load(&person("logged", "")).policies.unwrap();
    assert_eq!(crate::world::only_rule(&scene.decide(&policies)).code, None);
    let verified = |scene: &Scene, trust: &PolicySet, limits: &Limits, evidence: &Evidence| {
        let before = scene.cache.stats().verifications;
        let findings = examine_cached(
            &scene.world.image,
            evidence,
            trust.trust(),
            limits,
            &scene.cache,
        );
        let counted = scene.cache.stats().verifications - before;
        (
            usize::try_from(counted).unwrap(),
            findings.verified().len(),
            findings.rejected().len(),
        )
    };
    let limits = Limits::default();
    let (again, proofs, refused) = verified(&scene, &policies, &limits, &scene.evidence());
    assert_eq!((again, refused), (0, 0));
    // A limit.
    let mut tight = limits.clone();
    tight.log_entries = 31;
    assert_eq!(
        verified(&scene, &policies, &tight, &scene.evidence()),
        (count, proofs, 0)
    );
    tight.log_entries = 0;
    let (again, _, refused) = verified(&scene, &policies, &tight, &scene.evidence());
    // But for the bundle that has none, and the layer, which has one at most.
    assert_eq!((again, refused), (count, count - 2));
    // The trust: a root is gone, and with it its proofs.
    scene.roots.pop();
    let fewer = scene.load(&person("logged", "")).policies.unwrap();
    let (again, fewer_proofs, _) = verified(&scene, &fewer, &limits, &scene.evidence());
    assert_eq!(again, count);
    assert!(fewer_proofs < proofs);
    // One byte of each, and each is refused each time it is asked.
    let mut evidence = scene.evidence();
    for item in &mut evidence.items {
        match &mut item.content {
            Content::Bundle(bytes) => *bytes = [&**bytes, b"x"].concat().into(),
            Content::SimpleSigning { annotations, .. } => {
                annotations.values_mut().for_each(|value| value.push('x'))
            }
            _ => unreachable!("no other content is made here"),
        }
    }
    for _ in 0..2 {
        assert_eq!(
            verified(&scene, &policies, &limits, &evidence),
            (count, 0, count)
        );
    }
}

#[test]
fn proofs_carry_the_place_of_what_asked() {
    let scene = Scene::new();
    let policies = scene.load(&person("logged", "")).policies.unwrap();
    let mut evidence = scene.evidence();
    let limits = Limits::default();
    let examine = |evidence: &Evidence| {
        examine_cached(
            &scene.world.image,
            evidence,
            policies.trust(),
            &limits,
            &scene.cache,
        )
    };
    let first = examine(&evidence);
    for item in &mut evidence.items {
        item.locator.manifest = Digest::of(b"copied");
    }
    let second = examine(&evidence);
    assert_eq!(
        scene.cache.stats().verifications,
        u64::try_from(evidence.items.len()).unwrap()
    );
    assert_eq!(first.verified().len(), second.verified().len());
    for (first, second) in first.verified().iter().zip(second.verified()) {
        assert_eq!(second.facts().locator().manifest, Digest::of(b"copied"));
        assert_eq!(first.facts().locator().blob, second.facts().locator().blob);
        assert_eq!(first.facts().root(), second.facts().root());
    }
}
