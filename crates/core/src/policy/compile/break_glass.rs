//! Break-glass: who approves, where, and for how long.

use std::collections::BTreeSet;

use super::{Compiler, Signers, rules::whole};
use crate::ReasonCode;
use crate::break_glass::{BreakGlassStatement, is_id};
use crate::policy::break_glass::BreakGlass;
use crate::policy::document::{BreakGlassSpec, Document, Documents};
use crate::policy::shape::{Items, Text};
use crate::policy::{EvidenceDemand, Selection, SubjectDemand, Wanted};

impl Compiler<'_> {
    pub(super) fn break_glass(
        &mut self,
        document: &Document<BreakGlassSpec>,
        documents: &Documents,
        signers: &Signers,
    ) -> Option<BreakGlass> {
        let spec = &document.spec;
        let from = spec.from.as_ref().and_then(|from| self.from(from, signers));
        let namespaces = spec
            .namespaces
            .as_ref()
            .and_then(|list| self.namespace_names(Some(list)));
        let revoked = whole(spec.revoked.as_ref().map(|ids| self.statement_ids(ids)));
        let allow_namespace_scope =
            self.flag("allowNamespaceScope", spec.allow_namespace_scope.as_ref());
        self.names_its_cluster(document, documents);
        Some(BreakGlass {
            name: document.name.value.0.clone(),
            place: self.notes.place(document.name.at),
            demand: EvidenceDemand {
                wanted: Wanted::Statement {
                    predicate_type: BreakGlassStatement::PREDICATE_TYPE.to_owned(),
                    asked: None,
                },
                from: from?,
                selection: Selection::Any,
                max_age: None,
                min_age: None,
                age_always: false,
                subject: SubjectDemand::Index,
            },
            max_duration: spec.max_duration.as_ref()?.value.0,
            namespaces: namespaces?,
            allow_namespace_scope,
            revoked: revoked?.unwrap_or_default(),
        })
    }

    /// A statement names one cluster, so that it opens nothing elsewhere: the set has to say which one it is for.
    fn names_its_cluster(&mut self, document: &Document<BreakGlassSpec>, documents: &Documents) {
        let settings = documents.settings.first();
        if settings.is_none_or(|settings| settings.spec.has("cluster")) {
            return;
        }
        self.notes.error_with(
            ReasonCode::MissingField,
            document.name.at,
            "a BreakGlass needs `cluster` in Settings: statements name the cluster in which they hold",
            "Add `cluster: NAME` to Settings, another name for each cluster.",
        );
    }

    fn statement_ids(&mut self, list: &Items<Text>) -> Option<BTreeSet<String>> {
        self.duplicate_texts(list);
        let mut all_good = true;
        for id in list.value.iter().filter(|id| !is_id(&id.value)) {
            all_good = false;
            self.notes.error_with(
                ReasonCode::WrongValue,
                id.at,
                format!("`{}` is not the id of a break-glass statement", id.value),
                "Write the id that `countersign break-glass show` tells.",
            );
        }
        all_good.then(|| list.value.iter().map(|id| id.value.clone()).collect())
    }
}
