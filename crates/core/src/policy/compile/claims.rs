//! What a CI provider must have stated: each field of `source` and `build` becomes one typed demand.

use super::Compiler;
use crate::ReasonCode;
use crate::policy::claim::{CiClaim, ClaimDemand, GitDigest, Pattern};
use crate::policy::document::{BuildSpec, KeylessSpec, ProvenanceSourceSpec, SourceSpec};
use crate::policy::notes::did_you_mean;
use crate::policy::repository::{Owner, Repository};
use crate::policy::shape::{Items, OneOf, Text, listed};
use crate::policy::uri::{Stars, UriPattern};

use crate::policy::authorize::GITHUB;

/// The issuer of the identities of GitLab's own service.
const GITLAB: &str = "https://gitlab.com";

impl Compiler<'_> {
    /// Every demand of a keyless Signer; one that is wrong refuses the whole set.
    pub(super) fn claims(&mut self, spec: &KeylessSpec, issuer: Option<&str>) -> Vec<ClaimDemand> {
        let mut demands = Vec::new();
        if let Some(source) = &spec.source {
            self.source(source, issuer, &mut demands);
        }
        if let Some(build) = &spec.build {
            self.build(build, &mut demands);
        }
        self.demand(
            CiClaim::TokenSubject,
            spec.token_subject.as_ref(),
            Self::line,
            &mut demands,
        );
        demands
    }

    fn source(&mut self, spec: &SourceSpec, issuer: Option<&str>, demands: &mut Vec<ClaimDemand>) {
        if spec.is_empty() {
            self.notes
                .error(ReasonCode::EmptyList, spec.at, "`source` demands nothing");
        }
        self.demand(
            CiClaim::Repository,
            spec.repository.as_ref(),
            Self::repository,
            demands,
        );
        self.demand(
            CiClaim::RepositoryId,
            spec.repository_id.as_ref(),
            Self::text,
            demands,
        );
        self.demand(CiClaim::Owner, spec.owner.as_ref(), Self::owner, demands);
        self.demand(
            CiClaim::OwnerId,
            spec.owner_id.as_ref(),
            Self::text,
            demands,
        );
        if let Some(refs) = &spec.refs {
            self.duplicate_texts(refs);
            if let Some(globs) = self.globs(refs) {
                demands.push(ClaimDemand {
                    claim: CiClaim::Ref,
                    any_of: globs.into_iter().map(Pattern::Glob).collect(),
                });
            }
        }
        self.demand(CiClaim::Commit, spec.commit.as_ref(), Self::commit, demands);
        let word = |claim| move |this: &mut Self, text: &Text| this.word(claim, text, issuer);
        self.demand(
            CiClaim::Visibility,
            spec.visibility.as_ref(),
            word(CiClaim::Visibility),
            demands,
        );
        self.demand_list(CiClaim::Event, spec.events.as_ref(), Self::text, demands);
        self.demand(
            CiClaim::Runner,
            spec.runner.as_ref(),
            word(CiClaim::Runner),
            demands,
        );
        self.demand(
            CiClaim::Environment,
            spec.environment.as_ref(),
            Self::line,
            demands,
        );
    }

    /// What a provenance's source must be: the same claims in the same words.
    pub(super) fn provenance_claims(&mut self, spec: &ProvenanceSourceSpec) -> Vec<ClaimDemand> {
        let mut demands = Vec::new();
        let all = &mut demands;
        self.demand(
            CiClaim::Repository,
            spec.repository.as_ref(),
            Self::repository,
            all,
        );
        self.demand(
            CiClaim::RepositoryId,
            spec.repository_id.as_ref(),
            Self::text,
            all,
        );
        self.demand(CiClaim::OwnerId, spec.owner_id.as_ref(), Self::text, all);
        if let Some(refs) = &spec.refs {
            self.duplicate_texts(refs);
            if let Some(globs) = self.globs_that(refs, Self::whole_ref) {
                all.push(ClaimDemand {
                    claim: CiClaim::Ref,
                    any_of: globs.into_iter().map(Pattern::Glob).collect(),
                });
            }
        }
        self.demand(CiClaim::Commit, spec.commit.as_ref(), Self::commit, all);
        self.demand_list(CiClaim::Event, spec.events.as_ref(), Self::text, all);
        self.demand(CiClaim::Runner, spec.runner.as_ref(), Self::text, all);
        demands
    }

    fn build(&mut self, spec: &BuildSpec, demands: &mut Vec<ClaimDemand>) {
        if spec.is_empty() {
            self.notes
                .error(ReasonCode::EmptyList, spec.at, "`build` demands nothing");
        }
        let at = |this: &mut Self, text: &Text| this.uri(text, Stars::BehindAt);
        let owner = |this: &mut Self, text: &Text| this.uri(text, Stars::BehindOwner);
        self.demand(CiClaim::SignerUri, spec.signer_uri.as_ref(), at, demands);
        self.demand(
            CiClaim::SignerDigest,
            spec.signer_digest.as_ref(),
            Self::commit,
            demands,
        );
        self.demand(CiClaim::ConfigUri, spec.config_uri.as_ref(), at, demands);
        self.demand(
            CiClaim::ConfigDigest,
            spec.config_digest.as_ref(),
            Self::commit,
            demands,
        );
        self.demand(
            CiClaim::RunInvocationUri,
            spec.run_invocation_uri.as_ref(),
            owner,
            demands,
        );
        self.demand(
            CiClaim::WorkflowName,
            spec.workflow_name.as_ref(),
            Self::line,
            demands,
        );
    }

    fn demand(
        &mut self,
        claim: CiClaim,
        written: Option<&OneOf>,
        read: impl Fn(&mut Self, &Text) -> Option<Pattern>,
        demands: &mut Vec<ClaimDemand>,
    ) {
        self.demand_list(claim, written.map(|one_of| &one_of.0), read, demands);
    }

    fn demand_list(
        &mut self,
        claim: CiClaim,
        written: Option<&Items<Text>>,
        read: impl Fn(&mut Self, &Text) -> Option<Pattern>,
        demands: &mut Vec<ClaimDemand>,
    ) {
        let Some(list) = written else { return };
        self.duplicate_texts(list);
        let any_of = list
            .value
            .iter()
            .filter_map(|text| read(self, text))
            .collect();
        demands.push(ClaimDemand { claim, any_of });
    }

    fn text(&mut self, text: &Text) -> Option<Pattern> {
        self.exact(text).map(Pattern::Text)
    }

    /// A name that people give: it may have blanks inside.
    fn line(&mut self, text: &Text) -> Option<Pattern> {
        self.exact_line(text).map(Pattern::Text)
    }

    /// A word of a claim whose words are known for this issuer; other providers have words of their own.
    fn word(&mut self, claim: CiClaim, text: &Text, issuer: Option<&str>) -> Option<Pattern> {
        let value = self.exact(text)?;
        let words = known_words(claim, issuer);
        if !words.is_empty() && !words.contains(&value.as_str()) {
            let guess = did_you_mean(&value, words.iter().copied());
            let message = format!(
                "this issuer never states the {} `{value}`{guess}",
                claim.name()
            );
            let hint = format!("Write one of {}.", listed(words));
            self.notes
                .error_with(ReasonCode::WrongValue, text.at, message, hint);
            return None;
        }
        Some(Pattern::Text(value))
    }

    fn repository(&mut self, text: &Text) -> Option<Pattern> {
        let hint = "Write OWNER/REPOSITORY for GitHub, or HOST/OWNER/REPOSITORY.";
        let value = self.exact(text)?;
        self.noted(
            text,
            Repository::parse(&value).map(Pattern::Repository),
            hint,
        )
    }

    fn owner(&mut self, text: &Text) -> Option<Pattern> {
        let hint = "Write OWNER for GitHub, or HOST/OWNER.";
        let value = self.exact(text)?;
        self.noted(text, Owner::parse(&value).map(Pattern::Owner), hint)
    }

    fn commit(&mut self, text: &Text) -> Option<Pattern> {
        let hint = "Write all 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits, with `sha1:` or `sha256:` before them or not.";
        let value = self.exact(text)?;
        let digest = GitDigest::parse(&value)
            .map(Pattern::Digest)
            .ok_or("is not a whole commit digest");
        self.noted(text, digest, hint)
    }

    fn uri(&mut self, text: &Text, stars: Stars) -> Option<Pattern> {
        let hint = match stars {
            Stars::BehindAt => "Write the whole URI; only the ref behind `@` takes `*` and `**`.",
            Stars::BehindOwner => {
                "Write the whole URI; `*` and `**` stand behind the host and the first element of the path only."
            }
        };
        self.noted(
            text,
            UriPattern::parse(&text.value, stars).map(Pattern::Uri),
            hint,
        )
    }

    fn noted(
        &mut self,
        text: &Text,
        read: Result<Pattern, impl AsRef<str>>,
        hint: &str,
    ) -> Option<Pattern> {
        match read {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                let message = format!("`{}` {}", text.value, why.as_ref());
                self.notes
                    .error_with(ReasonCode::WrongValue, text.at, message, hint);
                None
            }
        }
    }
}

/// The words that an issuer states in a claim; empty where they are not known.
fn known_words(claim: CiClaim, issuer: Option<&str>) -> &'static [&'static str] {
    match (claim, issuer) {
        (CiClaim::Runner, Some(GITHUB)) => &["github-hosted", "self-hosted"],
        (CiClaim::Runner, Some(GITLAB)) => &["gitlab-hosted", "self-hosted"],
        (CiClaim::Visibility, Some(GITHUB | GITLAB)) => &["public", "private", "internal"],
        _ => &[],
    }
}
