//! The one document of kind Settings.

use super::Compiler;
use crate::policy::document::{Document, Documents, OnUnknownWord, SettingsSpec, UnmatchedWord};
use crate::policy::notes::Spanned;
use crate::policy::shape::Items;
use crate::policy::{Condition, OnUnmatched, Policy, Settings, Severity, SubjectDemand};
use crate::{Mode, Platform, ReasonCode, Verdict};

impl Compiler<'_> {
    pub(super) fn settings(&mut self, documents: &Documents) -> Option<Settings> {
        let all = &documents.settings;
        for second in all.iter().skip(1) {
            self.notes.error(
                ReasonCode::SettingsCount,
                second.name.at,
                "this is a second document of kind Settings",
            );
        }
        let Some(first) = all.first() else {
            if !documents.lost {
                self.notes.general(
                    ReasonCode::SettingsCount,
                    Severity::Error,
                    "the set has no document of kind Settings",
                    Some("Add a document of kind Settings with `spec: {unmatched: deny, onUnknown: deny}`."),
                );
            }
            return None;
        };
        self.read_settings(first)
    }

    fn read_settings(&mut self, document: &Document<SettingsSpec>) -> Option<Settings> {
        let spec = &document.spec;
        let unmatched = match spec.unmatched.as_ref().map(|word| word.value) {
            None | Some(UnmatchedWord::Deny) => OnUnmatched::Deny,
            Some(UnmatchedWord::Warn) => OnUnmatched::Warn,
            Some(UnmatchedWord::Allow) => OnUnmatched::Allow,
        };
        let on_unknown = match spec.on_unknown.as_ref().map(|word| word.value) {
            None | Some(OnUnknownWord::Deny) => Verdict::Unknown,
            Some(OnUnknownWord::Allow) => Verdict::Allow,
        };
        let at = spec
            .unmatched
            .as_ref()
            .map_or(document.name.at, |word| word.at);
        let platforms = match &spec.platforms {
            None => Some(Vec::new()),
            Some(platforms) => self.platforms(platforms),
        };
        let stale = spec.stale.as_ref().and_then(|stale| stale.max_age.as_ref());
        Some(Settings {
            place: self.notes.place(at),
            unmatched,
            on_unknown,
            stale: stale.map(|max_age| max_age.value.span()),
            platforms: platforms?,
            cluster: spec.cluster.as_ref().map(|name| name.value.0.clone()),
        })
    }

    /// Each platform stands once.
    fn platforms(&mut self, list: &Items<Spanned<Platform>>) -> Option<Vec<Platform>> {
        let mut platforms: Vec<Platform> = Vec::new();
        let mut whole = true;
        for platform in &list.value {
            if platforms.contains(&platform.value) {
                let message = format!("`{}` stands twice in the list", platform.value);
                self.notes
                    .error(ReasonCode::DuplicateItem, platform.at, message);
                whole = false;
            }
            platforms.push(platform.value.clone());
        }
        whole.then_some(platforms)
    }

    /// `platforms` bounds what rules accept that look at an index's platforms, and nothing else.
    pub(super) fn platforms_without_effect(&mut self, policies: &[Policy], documents: &Documents) {
        let mut rules = policies.iter().flat_map(|policy| &policy.rules);
        let looked_at = rules.any(|rule| match &rule.condition {
            Condition::Evidence(demand) => demand.subject != SubjectDemand::Index,
            Condition::Digest(_) => false,
        });
        let written = documents.settings.first();
        if let Some(platforms) = written.and_then(|settings| settings.spec.platforms.as_ref())
            && !looked_at
        {
            self.notes.warning(
                ReasonCode::NoEffect,
                platforms.at,
                "`platforms` has no effect: no rule says `subject: platform` or `subject: either`",
            );
        }
    }

    pub(super) fn denies_everything(
        &mut self,
        settings: &Settings,
        policies: &[Policy],
        documents: &Documents,
    ) {
        let enforcing = policies.iter().any(|policy| policy.mode == Mode::Enforce);
        if settings.unmatched == OnUnmatched::Deny
            && !enforcing
            && let Some(document) = documents.settings.first()
        {
            let at = document
                .spec
                .unmatched
                .as_ref()
                .map_or(document.name.at, |word| word.at);
            self.notes.warning(
                ReasonCode::DeniesEverything,
                at,
                "no policy enforces, so `unmatched: deny` denies every image",
            );
        }
    }
}

/// How many seconds a trust root of a TUF repository still serves after its metadata has expired: 30 days, or as said.
pub(super) fn max_age(documents: &Documents) -> i64 {
    const DEFAULT: i64 = 30 * 86_400;
    documents
        .settings
        .first()
        .and_then(|settings| settings.spec.trust.as_ref()?.max_age.as_ref())
        .map_or(DEFAULT, |max_age| max_age.value.0)
}
