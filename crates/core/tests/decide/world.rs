//! An image, evidence about it, and policies over both.

use countersign_core::{
    Content, Decision, Digest, Evidence, ExtraRoot, FoundBy, Gap, GapClass, ImageRef, Item, Limits,
    Locator, NoFiles, PinnedImage, PolicySet, ReasonCode, Request, Resolution, RuleOutcome, Source,
    Stale, UnixTime, decide, examine,
};
use countersign_testkit::forge::{Forge, Forgery, Identity};

/// When evidence is made.
pub(crate) const SIGNED: i64 = 1_790_000_000;
/// When it is judged: a minute later.
pub(crate) const NOW: UnixTime = UnixTime::from_seconds(SIGNED + 60);
pub(crate) const DAY: i64 = 86_400;
pub(crate) const SBOM: &str = "https://cyclonedx.org/bom";
pub(crate) const TEST: &str = "https://in-toto.io/attestation/test-result/v0.1";

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

/// An image and what is attached to it.
pub(crate) struct World {
    pub(crate) forge: Forge,
    pub(crate) image: PinnedImage,
    pub(crate) items: Vec<Item>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) stale: Vec<Stale>,
    /// Roots handed over beside `private`, which is the forge's.
    pub(crate) roots: Vec<ExtraRoot>,
}

impl World {
    pub(crate) fn new() -> Self {
        let forge = Forge::new(SIGNED);
        let image =
            PinnedImage::from_bytes(MANIFEST.as_bytes().to_vec(), None, None, &Limits::default())
                .unwrap();
        Self {
            forge,
            image,
            items: Vec::new(),
            gaps: Vec::new(),
            stale: Vec::new(),
            roots: Vec::new(),
        }
    }

    pub(crate) fn digest(&self) -> String {
        self.image.digest().to_string()
    }

    /// The same instance at another time: what it signs is `days` older.
    pub(crate) fn ago(&self, days: i64) -> Forge {
        let mut forge = self.forge.clone();
        forge.now -= days * DAY;
        forge
    }

    /// Attaches a bundle that is made by `make` from the forge and the image's digest.
    #[must_use]
    pub(crate) fn bundle(self, make: impl Fn(&Forge, &str) -> Vec<u8>) -> Self {
        let bytes = make(&self.forge, &self.digest());
        self.attach(Content::Bundle(bytes.into()))
    }

    /// Attaches a keyless image signature, logged in Rekor v1.
    #[must_use]
    pub(crate) fn signed_by(self, identity: &Identity) -> Self {
        let identity = identity.clone();
        self.bundle(move |forge, digest| {
            forge
                .image_signature(digest)
                .keyless(identity.clone())
                .rekor_v1()
                .bundle()
        })
    }

    #[must_use]
    pub(crate) fn attach(mut self, content: Content) -> Self {
        let (found_by, bytes) = match &content {
            Content::Bundle(bytes) => (FoundBy::Referrers, bytes),
            Content::SimpleSigning { payload, .. } => (FoundBy::SignatureTag, payload),
            Content::Attestation { envelope, .. } => (FoundBy::AttestationTag, envelope),
            _ => unreachable!("no other content is made here"),
        };
        let manifest = Digest::of(self.items.len().to_string().as_bytes());
        let locator = Locator {
            found_by,
            manifest,
            blob: Digest::of(bytes),
            place: None,
        };
        self.items.push(Item { locator, content });
        self
    }

    #[must_use]
    pub(crate) fn gap(mut self, class: GapClass, hides: Option<FoundBy>) -> Self {
        self.gaps.push(gap(class, hides));
        self
    }

    /// As if what is attached came from a list that was read so many seconds ago.
    #[must_use]
    pub(crate) fn stale(mut self, age: u64) -> Self {
        let what = "referrers of the image".to_owned();
        self.stale.push(Stale { what, age });
        self
    }

    pub(crate) fn policies(&self, text: &str) -> PolicySet {
        let mut roots = self.roots.clone();
        if text.contains("trust: private") {
            roots.push(ExtraRoot {
                name: Some("private".to_owned()),
                json: self.forge.trusted_root().into_bytes(),
            });
        }
        load(text, &roots)
    }

    pub(crate) fn decide(&self, text: &str) -> Decision {
        self.decide_at(text, &format!("ghcr.io/acme/app@{}", self.digest()), NOW)
    }

    pub(crate) fn decide_at(&self, text: &str, reference: &str, now: UnixTime) -> Decision {
        let policies = self.policies(text);
        let evidence = Evidence {
            items: self.items.clone(),
            gaps: self.gaps.clone(),
            stale: self.stale.clone(),
        };
        let findings = examine(&self.image, &evidence, policies.trust(), &Limits::default());
        let resolution = Resolution::Examined {
            image: &self.image,
            findings: &findings,
            children: &[],
        };
        decide(&policies, &request(reference), resolution, now)
    }

    /// The only rule of the only policy.
    pub(crate) fn rule(&self, text: &str) -> RuleOutcome {
        only_rule(&self.decide(text))
    }

    /// The code with which the only rule fails, or `pass`.
    pub(crate) fn code(&self, text: &str) -> &'static str {
        self.rule(text).code.map_or("pass", ReasonCode::as_str)
    }
}

pub(crate) fn gap(class: GapClass, hides: Option<FoundBy>) -> Gap {
    let code = match class {
        GapClass::Hostile => ReasonCode::RegistryHostile,
        _ => ReasonCode::RegistryUnavailable,
    };
    Gap {
        class,
        code,
        what: "referrers of the image".to_owned(),
        cause: "503".to_owned(),
        hides,
    }
}

pub(crate) fn request(reference: &str) -> Request {
    Request::named(&ImageRef::parse(reference).unwrap())
}

pub(crate) fn only_rule(decision: &Decision) -> RuleOutcome {
    let [policy] = decision.policies() else {
        panic!("one policy: {decision:?}")
    };
    let [rule] = policy.rules.as_slice() else {
        panic!("one rule: {policy:?}")
    };
    rule.clone()
}

pub(crate) fn load(text: &str, roots: &[ExtraRoot]) -> PolicySet {
    let sources = [Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    }];
    let loaded = PolicySet::load(&sources, &NoFiles, roots);
    let rendered: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|one| one.render(&sources, false))
        .collect();
    loaded
        .policies
        .unwrap_or_else(|| panic!("{}", rendered.join("\n")))
}

/// Settings, Signers and one policy with one rule.
pub(crate) fn set(signers: &[String], rule: &str) -> String {
    let mut documents = vec![settings("deny", "deny")];
    documents.extend(signers.iter().cloned());
    documents.push(policy("p", "enforce", "", &[rule]));
    documents.join("---\n")
}

pub(crate) fn settings(unmatched: &str, on_unknown: &str) -> String {
    document(
        "Settings",
        "s",
        &format!("  unmatched: {unmatched}\n  onUnknown: {on_unknown}\n"),
    )
}

pub(crate) fn policy(name: &str, mode: &str, more: &str, rules: &[&str]) -> String {
    let rules: String = rules
        .iter()
        .enumerate()
        .map(|(index, rule)| format!("    - {{name: r{index}, {rule}}}\n"))
        .collect();
    let spec = format!("  images: [\"ghcr.io/acme/**\"]\n  mode: {mode}\n{more}  rules:\n{rules}");
    document("Policy", name, &spec)
}

pub(crate) fn revocation(spec: &str) -> String {
    document(
        "Revocation",
        "stolen",
        &format!("  {{{spec}, reason: the laptop was stolen}}\n"),
    )
}

/// A keyless Signer of the forge's instance.
pub(crate) fn keyless(name: &str, subject: &str, source: &str) -> String {
    keyless_with(name, subject, source, "")
}

pub(crate) fn keyless_with(name: &str, subject: &str, source: &str, more: &str) -> String {
    document(
        "Signer",
        name,
        &format!(
            "  trust: private\n  keyless:\n    issuer: https://token.actions.githubusercontent.com\n    subject: {subject}\n    source: {source}\n{more}"
        ),
    )
}

/// The Signer whom the forge's default identity fits.
pub(crate) fn ci() -> String {
    keyless(
        "ci",
        &workflow("acme/app", "main"),
        "{repository: acme/app}",
    )
}

pub(crate) fn workflow(repository: &str, branch: &str) -> String {
    format!(
        "{{workflow: {{path: {repository}/.github/workflows/release.yml, refs: [refs/heads/{branch}]}}}}"
    )
}

/// A Signer with one key.
pub(crate) fn keyed(name: &str, pem: &str, window: &str, more: &str) -> String {
    let pem: String = pem
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect();
    document(
        "Signer",
        name,
        &format!("{more}  keys:\n    - id: k\n{window}      pem: |\n{pem}"),
    )
}

/// What a bare keyed Signer says.
pub(crate) const BARE: &str = "  log: off\n  time: none\n";

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"
    )
}

/// An attestation by the forge's default identity.
pub(crate) fn attestation<'f>(forge: &'f Forge, digest: &str, predicate_type: &str) -> Forgery<'f> {
    forge
        .attestation(digest, predicate_type, serde_json::json!({}))
        .keyless(Identity::default())
}
