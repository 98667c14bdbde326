//! What all documents are gathered into.

use std::collections::BTreeMap;

use super::model::{Demand, Maker, Mode, Namespaces, Policy, Rule, Set, Signer};
use super::node::Node;
use super::report::{Log, Outcome};
use crate::policy_text::{name, unique};

/// The set that is being made, and what its documents are called.
#[derive(Debug)]
pub(super) struct Gather {
    pub(super) set: Set,
    /// What the TrustRoots of the input are called here, or why they are not there.
    pub(super) roots: BTreeMap<String, Result<String, String>>,
    /// Whether files can be written beside the policy.
    pub(super) has_folder: bool,
    /// The document that is being read, by its place among all.
    pub(super) document: usize,
    /// About the set as a whole.
    pub(super) general: Vec<String>,
}

/// A document of the input.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    pub(super) file: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) node: Node<'a>,
}

impl Source<'_> {
    /// Where something comes from, as a comment says it.
    pub(super) fn origin(&self, node: &Node<'_>) -> String {
        crate::escape::escaped(
            &format!(
                "from {} {}, {}:{}",
                self.kind,
                self.name,
                self.file,
                node.line()
            ),
            300,
        )
    }

    /// Its `spec`. Without one nothing says what it was to deny, so that everything is denied.
    pub(super) fn spec(&self, gather: &mut Gather, log: &mut Log<'_>) -> Option<Node<'_>> {
        let spec = self.node.get("spec");
        if spec.is_none() {
            log.refused(
                &self.node,
                "it has no `spec`",
                "write one, or leave the document out",
            );
            let mut policy = gather.policy(&self.name, self.origin(&self.node));
            policy.add_images(vec!["**".to_owned()]);
            policy.close("the original has no `spec`");
            gather.set.policies.push(policy);
        }
        spec
    }

    /// Its metadata: the name is carried over, the rest is Kubernetes' own.
    pub(super) fn metadata(&self, log: &mut Log<'_>) {
        if let Some(metadata) = self.node.get("metadata") {
            for (field, node) in metadata.fields() {
                match field {
                    "name" => log.carried(&node, "metadata.name of what was written"),
                    "namespace" => {}
                    _ => log.dropped(&node, "it has no effect on decisions"),
                }
            }
        }
        if let Some(status) = self.node.get("status") {
            log.dropped(&status, "it has no effect on decisions");
        }
    }
}

impl Gather {
    /// A policy with nothing in it yet; its name is taken from now on.
    pub(super) fn policy(&self, wanted: &str, origin: String) -> Policy {
        let taken = self.set.policies.iter().map(|it| it.name.as_str());
        Policy {
            name: unique(&name(wanted, "imported"), taken),
            origin,
            images: Vec::new(),
            except: Vec::new(),
            namespaces: Namespaces::default(),
            mode: Mode::Enforce,
            rules: Vec::new(),
            document: self.document,
            closed: Vec::new(),
        }
    }

    /// A Signer of the set, new or known; a complaint about the field it was made of where it cannot be one.
    pub(super) fn signer(
        &mut self,
        signer: Signer,
        node: &Node<'_>,
        log: &mut Log<'_>,
    ) -> Option<usize> {
        let is_keyed = matches!(signer.maker, Maker::Key { .. });
        let before = self.set.signers.clone();
        match self.set.signer(signer) {
            Ok(index) => {
                if is_keyed
                    && before
                        .get(index)
                        .is_some_and(|old| self.set.signers.get(index) != Some(old))
                {
                    log.implied(
                        node,
                        Outcome::Stricter,
                        "the same key stands elsewhere with other demands; here both demands hold wherever it counts",
                    );
                }
                Some(index)
            }
            Err(other) => {
                log.refused(
                    node,
                    &format!("the same key stands elsewhere with demands that cannot hold together with these (Signer `{other}`)"),
                    "a key stands in one Signer only: decide which log, timestamp and format it signs with",
                );
                None
            }
        }
    }
}

impl Policy {
    /// A rule, unless there is one that demands the same.
    pub(super) fn rule(&mut self, wanted: &str, demand: Demand) {
        if self.rules.iter().any(|rule| rule.demand == demand) {
            return;
        }
        let taken = self.rules.iter().map(|it| it.name.as_str());
        let name = unique(&name(wanted, "rule"), taken);
        self.rules.push(Rule { name, demand });
    }

    /// Patterns, each once.
    pub(super) fn add_images(&mut self, patterns: Vec<String>) {
        for pattern in patterns {
            if !self.images.contains(&pattern) {
                self.images.push(pattern);
            }
        }
    }

    /// Denies in place of the original, with the reason.
    pub(super) fn close(&mut self, why: impl Into<String>) {
        self.closed.push(why.into());
    }
}
