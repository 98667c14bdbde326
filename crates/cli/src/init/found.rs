//! Who signed what is attached, as Signers that accept exactly that.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::{
    Certificate, Claim, Digest, Facts, Findings, Format, San, SignedBy, UnixTime, Verified,
};

use super::Attached;
use super::material::Material;
use super::summary::Stated;
use crate::escape::escaped;
use crate::policy_text::{name, unique};

/// What verified, by who signed it.
pub(super) struct Found {
    pub(super) signers: Vec<FoundSigner>,
    /// What was attested or signed.
    pub(super) claims: Vec<FoundClaim>,
    /// Why some of what verifies can never count.
    pub(super) unusable: Vec<String>,
}

/// One Signer, with everything that its evidence has in common.
pub(super) struct FoundSigner {
    pub(super) name: String,
    pub(super) maker: Maker,
    pub(super) root: Option<String>,
    pub(super) bundles: BTreeSet<Format>,
    pub(super) legacy: bool,
    /// Whether each of its signatures is in a log.
    pub(super) logged: bool,
    /// Whether each of its signatures has a proven time.
    pub(super) timed: bool,
    /// Whether each of its certificates is in a certificate-transparency log.
    pub(super) sct: bool,
}

/// By what it is known.
pub(super) enum Maker {
    Key(Digest),
    Certificate(Box<Identity>),
}

/// A certificate's identity, and what all certificates with this identity state.
pub(super) struct Identity {
    pub(super) issuer: String,
    pub(super) san: San,
    pub(super) repository: Option<String>,
    pub(super) repository_id: Option<String>,
    pub(super) owner_id: Option<String>,
    pub(super) refs: BTreeSet<String>,
    pub(super) events: BTreeSet<String>,
    pub(super) runner: Option<String>,
}

/// One kind of claim by one Signer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FoundClaim {
    /// The predicate type; none for a signature of the image.
    pub(super) predicate_type: Option<String>,
    /// Which of the Signers.
    pub(super) signer: usize,
    /// What it is about: the image itself, or a child of the index.
    pub(super) about: Digest,
    /// What it states, if it is a verification summary.
    pub(super) stated: Option<Stated>,
}

impl Found {
    pub(super) fn of(attached: &Attached, material: &Material, now: UnixTime) -> Self {
        let mut found = Self {
            signers: Vec::new(),
            claims: Vec::new(),
            unusable: Vec::new(),
        };
        let mut known = BTreeMap::new();
        let all = std::iter::once(&attached.findings).chain(&attached.children);
        for one in all.flat_map(Findings::verified) {
            found.add(one, material, now, &mut known);
        }
        found.claims.sort();
        found.claims.dedup();
        found
    }

    fn add(
        &mut self,
        one: &Verified<Claim>,
        material: &Material,
        now: UnixTime,
        known: &mut BTreeMap<Key, usize>,
    ) {
        let facts = one.facts();
        let (predicate_type, stated) = match one.claim() {
            claim if claim.is_image_signature() => (None, None),
            Claim::Statement(statement) => {
                let predicate_type = statement.predicate_type.clone();
                (Some(predicate_type), Stated::of(statement))
            }
            // A signature over the manifest's bytes is not a signature of the image as policies count them.
            _ => return,
        };
        if let Some(why) = unusable(facts, material, now) {
            self.unusable.push(why);
            return;
        }
        let key = Key::of(facts);
        let signer = *known.entry(key).or_insert_with(|| {
            let named = self.signers.iter().map(|it| it.name.as_str());
            let name = unique(&name_of(facts, material), named);
            self.signers.push(FoundSigner::new(name, facts));
            self.signers.len() - 1
        });
        if let Some(own) = self.signers.get_mut(signer) {
            own.join(facts);
        }
        self.claims.push(FoundClaim {
            predicate_type,
            signer,
            about: *facts.image(),
            stated,
        });
    }
}

/// What makes two pieces of evidence one Signer's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Key(Digest),
    Certificate {
        root: String,
        issuer: String,
        san: San,
        source: [Option<String>; 4],
    },
}

impl Key {
    fn of(facts: &Facts) -> Self {
        match facts.signer() {
            SignedBy::Certificate(certificate) => Self::Certificate {
                root: root(facts).unwrap_or_default(),
                issuer: certificate.issuer.clone(),
                san: certificate.san.clone(),
                source: source(certificate),
            },
            SignedBy::Key(key) => Self::Key(*key),
            _ => Self::Key(*facts.image()),
        }
    }
}

/// Repository, its number, its owner's number, runner.
fn source(certificate: &Certificate) -> [Option<String>; 4] {
    let claims = &certificate.claims;
    let repository = claims
        .source_repository_uri
        .as_deref()
        .or(claims.github_workflow_repository.as_deref());
    [
        repository.map(|it| it.trim_start_matches("https://").to_owned()),
        claims.source_repository_identifier.clone(),
        claims.source_repository_owner_identifier.clone(),
        claims.runner_environment.clone(),
    ]
}

impl FoundSigner {
    fn new(name: String, facts: &Facts) -> Self {
        let maker = match facts.signer() {
            SignedBy::Certificate(certificate) => {
                let [repository, repository_id, owner_id, runner] = source(certificate);
                Maker::Certificate(Box::new(Identity {
                    issuer: certificate.issuer.clone(),
                    san: certificate.san.clone(),
                    repository,
                    repository_id,
                    owner_id,
                    runner,
                    refs: BTreeSet::new(),
                    events: BTreeSet::new(),
                }))
            }
            SignedBy::Key(key) => Maker::Key(*key),
            _ => Maker::Key(*facts.image()),
        };
        Self {
            name,
            maker,
            root: root(facts),
            bundles: BTreeSet::new(),
            legacy: false,
            logged: true,
            timed: true,
            sct: true,
        }
    }

    /// Takes what one more piece of its evidence has.
    fn join(&mut self, facts: &Facts) {
        match facts.format() {
            Format::Legacy => self.legacy = true,
            bundle => {
                self.bundles.insert(bundle);
            }
        }
        self.logged &= !facts.logs().is_empty();
        self.timed &= !facts.times().is_empty();
        self.sct &= facts.sct_logs() > 0;
        if self.root.is_none() {
            self.root = root(facts);
        }
        if let (Maker::Certificate(identity), SignedBy::Certificate(certificate)) =
            (&mut self.maker, facts.signer())
        {
            let claims = &certificate.claims;
            let git_ref = claims.source_repository_ref.as_ref();
            identity
                .refs
                .extend(git_ref.or(claims.github_workflow_ref.as_ref()).cloned());
            let event = claims.build_trigger.as_ref();
            identity
                .events
                .extend(event.or(claims.github_workflow_trigger.as_ref()).cloned());
        }
    }
}

/// Why verified evidence can satisfy no Signer at all.
fn unusable(facts: &Facts, material: &Material, now: UnixTime) -> Option<String> {
    let by = match facts.signer() {
        SignedBy::Certificate(certificate) => escaped(certificate.san.value(), 300),
        SignedBy::Key(key) => format!("key {key}"),
        _ => return Some("an unknown kind of signer".to_owned()),
    };
    if let Some(future) = facts.times().iter().find(|it| it.time > now) {
        return Some(format!(
            "the signature by {by} was made in the future, {}",
            future.time
        ));
    }
    let root = root(facts);
    let has_ct_logs = root
        .as_deref()
        .and_then(|name| material.root(name))
        .is_none_or(|root| root.has_ct_logs);
    let is_keyless = matches!(facts.signer(), SignedBy::Certificate(_));
    if is_keyless && has_ct_logs && facts.sct_logs() == 0 {
        return Some(format!(
            "the certificate of {by} has no certificate-transparency proof"
        ));
    }
    None
}

fn root(facts: &Facts) -> Option<String> {
    facts.root().map(|root| root.name.clone())
}

/// What a Signer is called: the workflow's file, the user's name, the key's file.
fn name_of(facts: &Facts, material: &Material) -> String {
    match facts.signer() {
        SignedBy::Certificate(certificate) => {
            let value = certificate.san.value();
            let before_ref = value.split_once("@refs/").map_or(value, |(path, _)| path);
            let last = match &certificate.san {
                San::Email(address) => address.split('@').next().unwrap_or_default(),
                _ => before_ref.rsplit('/').next().unwrap_or_default(),
            };
            let stem = last.trim_end_matches(".yml").trim_end_matches(".yaml");
            name(stem, "signer")
        }
        SignedBy::Key(key) => material
            .key(key)
            .map_or_else(|| "key".to_owned(), |file| file.id.clone()),
        _ => "signer".to_owned(),
    }
}
