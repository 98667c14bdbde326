//! Exceptions: the policy and its rules by name, images by pattern and digest.

use super::images::never_matches;
use super::{Compiler, rules::whole};
use crate::policy::Policy;
use crate::policy::document::{Document, Documents, ExceptionSpec, PolicySpec};
use crate::policy::exception::{Exception, Waived};
use crate::policy::glob::Glob;
use crate::policy::notes::did_you_mean;
use crate::policy::shape::{Items, Text};
use crate::{Digest, ReasonCode};

impl Compiler<'_> {
    pub(super) fn exception(
        &mut self,
        document: &Document<ExceptionSpec>,
        documents: &Documents,
        policies: &[Option<Policy>],
    ) -> Option<Exception> {
        let spec = &document.spec;
        let named = spec
            .policy
            .as_ref()
            .and_then(|name| self.policy_of(name, documents));
        if let (Some(policy), Some(rules)) = (named, &spec.rules) {
            self.rules_of(policy, rules);
        }
        let images = spec
            .images
            .as_ref()
            .and_then(|images| self.waived_images(images));
        let namespaces = whole(spec.namespaces.as_ref().map(|it| self.namespaces(it)));
        let said = |this: &mut Self, text: &Option<Text>| this.said(text.as_ref()?);
        let reason = said(self, &spec.reason);
        let ticket = whole(spec.ticket.as_ref().map(|text| self.said(text)));
        let (named, images) = (named?, images?);
        let mut compiled = policies.iter().flatten();
        if let (Some(list), Some(policy)) = (
            &spec.images,
            compiled.find(|policy| policy.name == named.name.value.0),
        ) {
            self.beyond_the_policy(&images, list, policy);
        }
        let rules = spec.rules.as_ref()?.value.iter();
        Some(Exception {
            name: document.name.value.0.clone(),
            place: self.notes.place(document.name.at),
            policy: named.name.value.0.clone(),
            rules: rules.map(|rule| rule.value.clone()).collect(),
            images,
            namespaces: namespaces?,
            expires: spec.expires.as_ref()?.value.0,
            reason: reason?,
            ticket: ticket?,
        })
    }

    /// The policy of this name, as it is written: one with mistakes of its own is known all the same.
    fn policy_of<'d>(
        &mut self,
        name: &Text,
        documents: &'d Documents,
    ) -> Option<&'d Document<PolicySpec>> {
        let wanted = self.exact(name)?;
        let all = &documents.policies;
        let found = all.iter().find(|it| it.name.value.0 == wanted);
        if found.is_none() && !documents.lost {
            let guess = did_you_mean(&wanted, all.iter().map(|it| it.name.value.0.as_str()));
            let message = format!("there is no Policy `{wanted}`{guess}");
            self.notes.error(ReasonCode::UnknownName, name.at, message);
        }
        found
    }

    /// Each rule stands in the policy. Where a rule's own name cannot be read, nobody can tell.
    fn rules_of(&mut self, policy: &Document<PolicySpec>, list: &Items<Text>) {
        self.duplicate_texts(list);
        let Some(rules) = &policy.spec.rules else {
            return;
        };
        let names: Option<Vec<&str>> = rules
            .value
            .iter()
            .map(|rule| Some(rule.name.as_ref()?.value.0.as_str()))
            .collect();
        for text in &list.value {
            let (Some(wanted), Some(names)) = (self.exact(text), &names) else {
                continue;
            };
            if !names.contains(&wanted.as_str()) {
                let guess = did_you_mean(&wanted, names.iter().copied());
                let policy = &policy.name.value.0;
                let message = format!("the Policy `{policy}` has no rule `{wanted}`{guess}");
                self.notes.error(ReasonCode::UnknownName, text.at, message);
            }
        }
    }

    fn waived_images(&mut self, list: &Items<Text>) -> Option<Vec<Waived>> {
        self.duplicate_texts(list);
        let read: Vec<Option<Waived>> = list.value.iter().map(|it| self.waived(it)).collect();
        read.into_iter().collect()
    }

    /// `PATTERN` or `PATTERN@sha256:…`.
    fn waived(&mut self, text: &Text) -> Option<Waived> {
        let written = text.value.as_str();
        let (pattern, digest) = match written.split_once('@') {
            Some((pattern, digest)) => (pattern, Some(digest)),
            None => (written, None),
        };
        let digest = digest.map(|digest| match digest.parse::<Digest>() {
            Ok(digest) => Some(digest),
            Err(error) => {
                let hint = "Write the whole digest, or none for every image of the pattern.";
                self.notes
                    .error_with(ReasonCode::WrongValue, text.at, error.to_string(), hint);
                None
            }
        });
        let has_tag = pattern
            .rsplit('/')
            .next()
            .is_some_and(|it| it.contains(':'));
        let images = match Glob::parse(pattern) {
            Err(why) => Err((why, None)),
            Ok(_) if has_tag && pattern.contains('/') => Err((
                "has a tag".to_owned(),
                Some(
                    "Leave the tag out, for it can be moved; name the digest as `@sha256:…`."
                        .to_owned(),
                ),
            )),
            Ok(glob) => match never_matches(&glob) {
                Some((why, hint)) => Err((why.to_owned(), Some(hint))),
                None => Ok(glob),
            },
        };
        let images = match images {
            Ok(images) => Some(images),
            Err((why, hint)) => {
                let (code, message) = (ReasonCode::BadPattern, format!("`{written}` {why}"));
                match hint {
                    Some(hint) => self.notes.error_with(code, text.at, message, hint),
                    None => self.notes.error(code, text.at, message),
                }
                None
            }
        };
        Some(Waived {
            digest: whole(digest)?,
            images: images?,
        })
    }

    /// What is said to people: blanks say nothing.
    fn said(&mut self, text: &Text) -> Option<String> {
        if text.value.trim().is_empty() {
            let message = "the text has nothing but blanks";
            let hint = "Write it in words, for whoever reads a decision.";
            self.notes
                .error_with(ReasonCode::WrongValue, text.at, message, hint);
            return None;
        }
        Some(text.value.clone())
    }

    /// Images that the policy does not judge, so that nothing of it can be waived for them.
    fn beyond_the_policy(&mut self, images: &[Waived], list: &Items<Text>, policy: &Policy) {
        for (waived, text) in images.iter().zip(&list.value) {
            let glob = &waived.images;
            let (written, name) = (&text.value, &policy.name);
            if !policy.images.iter().any(|it| it.overlaps(glob))
                || policy.except.iter().any(|it| it.covers(glob))
            {
                let message =
                    format!("`{written}` has no effect: the Policy `{name}` judges nothing of it");
                self.notes.warning(ReasonCode::NoEffect, text.at, message);
            } else if !policy.images.iter().any(|it| it.covers(glob)) {
                let message =
                    format!("`{written}` is more than any one pattern of the Policy `{name}` has");
                self.notes
                    .warning(ReasonCode::BroadException, text.at, message);
            }
        }
    }
}
