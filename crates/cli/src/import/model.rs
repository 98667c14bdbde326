//! What is to be written: a policy set, before it is text.

/// What happens to an image that no policy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmatched {
    Deny,
    Warn,
    Allow,
}

/// The set.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) unmatched: Unmatched,
    /// Why `unmatched` is what it is.
    pub(super) unmatched_because: &'static str,
    pub(super) signers: Vec<Signer>,
    pub(super) roots: Vec<Root>,
    pub(super) policies: Vec<Policy>,
}

/// A trust root.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) name: String,
    /// Where it comes from: kind, name, file and line.
    pub(super) origin: String,
    pub(super) material: Material,
    pub(super) has_ct_logs: bool,
}

/// Where a trust root's keys and certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    /// A `trusted_root.json`.
    Inline(String),
    /// A TUF repository, and the `root.json` from which trust in it begins.
    Tuf { url: String, root: Vec<u8> },
}

/// Somebody whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signer {
    pub(super) name: String,
    pub(super) root: Option<String>,
    pub(super) maker: Maker,
    pub(super) log: Log,
    pub(super) time: Time,
    /// Certificates need no proof of certificate transparency.
    pub(super) no_sct: bool,
    pub(super) format: Format,
}

/// What a Signer is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Maker {
    /// A public key as PEM, and sha256 of its SubjectPublicKeyInfo.
    Key { pem: String, id: String },
    Keyless {
        issuer: String,
        subject: Subject,
        /// What a CI provider must have stated: fields of `source`, each with its value as YAML.
        source: Vec<(&'static str, String)>,
    },
}

/// A certificate's subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Exact(String),
    /// Anchored at both ends.
    Regex(String),
}

/// Whether a transparency log is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// Where the root lists one.
    Default,
    Off,
}

/// Which proven times count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Either,
    Timestamp,
    None,
}

/// In which format signatures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Bundle,
    Legacy,
    Both,
}

/// A policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) name: String,
    /// Where it comes from: kind, name, file and line.
    pub(super) origin: String,
    pub(super) images: Vec<String>,
    pub(super) except: Vec<String>,
    pub(super) namespaces: Namespaces,
    pub(super) mode: Mode,
    pub(super) rules: Vec<Rule>,
    /// Which document it is made of, by its place among all.
    pub(super) document: usize,
    /// Why it has to deny in place of the original, if so.
    pub(super) closed: Vec<String>,
}

/// The namespaces of a policy; all of them, if empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Namespaces {
    pub(super) names: Vec<String>,
    pub(super) not_names: Vec<String>,
    pub(super) labels: Vec<(String, String)>,
}

/// What a failure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Enforce,
    Warn,
    Audit,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) demand: Demand,
}

/// What a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    /// The reference has a digest.
    Digest,
    /// Nothing.
    Nothing,
    /// Something that nobody has.
    Never,
    Signature(From),
    Statement {
        from: From,
        predicate_type: String,
    },
}

/// How many of which Signers, by their place in the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct From {
    pub(super) signers: Vec<usize>,
    pub(super) count: usize,
}

impl Set {
    /// The place of a Signer in the set, after it was put there if it was not. Keys stand in one Signer only; two that differ
    /// in what else they ask for become the stricter of the two, if there is such.
    ///
    /// # Errors
    /// The name of the Signer that has the same key and asks for something that cannot be had together.
    pub(super) fn signer(&mut self, new: Signer) -> Result<usize, String> {
        let alike = |old: &Signer| {
            Signer {
                name: new.name.clone(),
                ..old.clone()
            } == new
        };
        if let Some(index) = self.signers.iter().position(alike) {
            return Ok(index);
        }
        if let Maker::Key { id, .. } = &new.maker {
            let same =
                |old: &Signer| matches!(&old.maker, Maker::Key { id: other, .. } if other == id);
            if let Some((index, old)) = self.signers.iter_mut().enumerate().find(|(_, it)| same(it))
            {
                return match stricter(old, &new) {
                    Some(merged) => {
                        *old = merged;
                        Ok(index)
                    }
                    None => Err(old.name.clone()),
                };
            }
        }
        let taken = self.signers.iter().map(|it| it.name.as_str());
        let name = crate::policy_text::unique(&new.name, taken);
        self.signers.push(Signer { name, ..new });
        Ok(self.signers.len() - 1)
    }
}

/// What asks for all that both ask for.
fn stricter(old: &Signer, new: &Signer) -> Option<Signer> {
    let root = match (&old.root, &new.root) {
        (Some(left), Some(right)) if left != right => return None,
        (left, right) => left.clone().or_else(|| right.clone()),
    };
    let format = match (old.format, new.format) {
        (left, right) if left == right => left,
        (Format::Both, one) | (one, Format::Both) => one,
        _ => return None,
    };
    let time = match (old.time, new.time) {
        (left, right) if left == right => left,
        (Time::None, one) | (one, Time::None) => one,
        _ => Time::Timestamp,
    };
    let log = if old.log == new.log {
        old.log
    } else {
        Log::Default
    };
    Some(Signer {
        root,
        format,
        time,
        log,
        no_sct: old.no_sct && new.no_sct,
        ..old.clone()
    })
}
