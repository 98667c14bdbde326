//! Builders: those of the set, and those that are built in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::policy::document::{BuilderIdSpec, BuilderSpec, Document, Documents, OfSignerWord};
use crate::policy::notes::{Notes, did_you_mean};
use crate::policy::yaml;
use crate::provenance::{BuilderDemand, BuilderId, Speakers};

/// The Builders that are built in, in the language of policy files.
const PRESETS: &str = include_str!("../presets.yaml");

/// The compiled Builders of a set.
#[derive(Default)]
pub(in crate::policy) struct Builders {
    /// By name; `None` for one that is defined but wrong.
    pub(super) by_name: BTreeMap<String, Option<Arc<BuilderDemand>>>,
    /// Whether a document was lost, so that a name may be unknown for that reason only.
    pub(super) lost: bool,
}

impl Compiler<'_> {
    pub(super) fn builders(&mut self, documents: &Documents, signers: &Signers) -> Builders {
        let mut builders = Builders {
            by_name: BTreeMap::new(),
            lost: documents.lost,
        };
        let presets = presets().builders;
        let is_preset = |name: &str| presets.iter().any(|it| it.name.value.0 == name);
        for preset in &presets {
            let name = preset.name.value.0.clone();
            let demand = self.builder(preset, signers).map(Arc::new);
            builders.by_name.insert(name, demand);
        }
        for document in &documents.builders {
            let name = &document.name.value.0;
            if is_preset(name) {
                let message = format!("the Builder `{name}` is built in");
                self.notes
                    .error(ReasonCode::ReservedName, document.name.at, message);
                continue;
            }
            let demand = self.builder(document, signers).map(Arc::new);
            builders.by_name.insert(name.clone(), demand);
        }
        builders
    }

    fn builder(
        &mut self,
        document: &Document<BuilderSpec>,
        signers: &Signers,
    ) -> Option<BuilderDemand> {
        let spec = &document.spec;
        let id = spec.id.as_ref().and_then(|id| self.builder_id(id));
        let build_types = spec.build_types.iter().flat_map(|list| &list.value);
        let build_types: Vec<Option<String>> = build_types.map(|text| self.exact(text)).collect();
        let speakers = self.speakers(document, signers);
        let level = match &spec.level {
            None => Some(1),
            Some(level) => self.build_level(level, 0),
        };
        Some(BuilderDemand {
            name: document.name.value.0.clone(),
            id: id?,
            build_types: build_types.into_iter().collect::<Option<_>>()?,
            speakers: speakers?,
            level: level?,
        })
    }

    fn builder_id(&mut self, spec: &BuilderIdSpec) -> Option<BuilderId> {
        let written = [
            spec.has("exact"),
            spec.has("workflow"),
            spec.has("ofSigner"),
        ];
        if written.iter().filter(|it| **it).count() != 1 {
            self.notes.error_with(
                ReasonCode::WrongValue,
                spec.at,
                "`id` takes exactly one of `exact`, `workflow` and `ofSigner`",
                "Keep the one that says most exactly who builds.",
            );
            return None;
        }
        if let Some(id) = &spec.exact {
            return self.exact(id).map(BuilderId::Exact);
        }
        if let Some(word) = &spec.of_signer {
            return Some(match word.value {
                OfSignerWord::Caller => BuilderId::OwnWorkflow,
                OfSignerWord::Reusable => BuilderId::ReusableWorkflow,
            });
        }
        let workflow = spec.workflow.as_ref()?;
        let path = workflow
            .path
            .as_ref()
            .and_then(|path| self.workflow_path(path));
        let refs = workflow.refs.as_ref();
        let refs = refs.and_then(|refs| self.globs_that(refs, Self::whole_ref));
        Some(BuilderId::Workflow {
            path: path?,
            refs: refs?,
        })
    }

    fn speakers(
        &mut self,
        document: &Document<BuilderSpec>,
        signers: &Signers,
    ) -> Option<Speakers> {
        let spec = &document.spec;
        if spec.has("signers") == spec.has("identity") {
            self.notes.error_with(
                ReasonCode::WrongValue,
                document.name.at,
                "a Builder takes exactly one of `signers` and `identity`",
                "Name the Signers that may speak for it, or say `identity: builder` where the builder's own certificate signs.",
            );
            return None;
        }
        if spec.identity.is_some() {
            return Some(Speakers::Builder);
        }
        let mut names = Vec::new();
        for name in &spec.signers.as_ref()?.value {
            let text = name.value.0.as_str();
            if !signers.by_name.contains_key(text) && !signers.lost {
                let guess = did_you_mean(text, signers.by_name.keys().map(String::as_str));
                let message = format!("there is no Signer `{text}`{guess}");
                self.notes.error(ReasonCode::UnknownName, name.at, message);
                return None;
            }
            names.push(text.to_owned());
        }
        Some(Speakers::Signers(names))
    }
}

/// The documents that are built in. A test holds that nothing is wrong with them.
fn presets() -> Documents {
    let mut notes = Notes::new(vec!["built-in builders".to_owned()]);
    let (trees, _) = yaml::read(0, PRESETS, &mut notes);
    let mut documents = Documents::default();
    for tree in &trees {
        documents.add(tree, &mut notes);
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{SETTINGS, load};
    use super::{PRESETS, presets};

    /// As if they were a policy's own, under other names: nothing in them is wrong, and each is named below.
    #[test]
    fn what_is_built_in_is_sound() {
        let names: Vec<String> = presets()
            .builders
            .into_iter()
            .map(|it| it.name.value.0)
            .collect();
        let expected = [
            "slsa-github-generic",
            "slsa-github-go",
            "slsa-github-container",
            "github-attest",
            "github-attest-reusable",
            "buildkit",
        ];
        assert_eq!(names, expected);
        let own = PRESETS.replace("metadata: {name: ", "metadata: {name: own-");
        let loaded = load(&format!(
            "{SETTINGS}---\n{own}---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec: {{images: [\"**\"], rules: [{{name: pinned, digest: required}}]}}\n"
        ));
        let errors = loaded
            .diagnostics
            .iter()
            .filter(|it| it.code.as_str() != "unused-name");
        assert_eq!(errors.count(), 0, "{:?}", loaded.diagnostics);
    }
}
