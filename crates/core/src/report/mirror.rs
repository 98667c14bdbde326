//! From a [`Decision`] to its report, field by field.

use super::{
    BreakGlassReport, CandidateReport, ChildReport, Counts, EvidenceReport, ExceptionReport,
    FoundReport, GapReport, IdentityReport, ImageReport, LogReport, NamespaceReport, PolicyReport,
    RefusedReport, RequestReport, RevokedReport, RuleReport, StaleReport, TimeReport,
    UnmatchedReport, WarningReport,
};
use crate::text::safe;
use crate::{
    Candidate, Cited, CitedChild, Decision, Identity, Locator, Place, PolicyOutcome, ReasonCode,
    Refused, Request, RuleException, RuleOutcome,
};

pub(super) fn image(decision: &Decision) -> ImageReport {
    ImageReport {
        image: decision.image().to_owned(),
        name: decision.name().map(str::to_owned),
        request: request(decision.request()),
        digest: decision.digest().map(ToString::to_string),
        now: decision.now().to_string(),
        policy_digest: decision.policy_digest().to_string(),
        trust_fingerprint: decision.trust_fingerprint().to_string(),
        judged: decision.judged().as_str().to_owned(),
        effect: decision.effect().as_str().to_owned(),
        policies: decision.policies().iter().map(policy).collect(),
        unmatched: decision.unmatched().map(|unmatched| UnmatchedReport {
            effect: unmatched.effect.as_str().to_owned(),
            file: file(&unmatched.place),
            line: unmatched.place.line,
        }),
        revoked: decision
            .revoked()
            .iter()
            .map(|revoked| RevokedReport {
                code: ReasonCode::ImageRevoked.as_str().to_owned(),
                revocation: revoked.name.clone(),
                file: file(&revoked.place),
                line: revoked.place.line,
                reason: safe(&revoked.reason),
                digest: revoked.digest.to_string(),
                child: revoked.child.as_ref().map(child),
            })
            .collect(),
        warnings: decision
            .warnings()
            .iter()
            .map(|warning| WarningReport {
                code: warning.code.as_str().to_owned(),
                policy: warning.policy.clone(),
                rule: warning.rule.clone(),
                message: warning.message.clone(),
            })
            .collect(),
        evidence: decision.evidence().iter().map(evidence).collect(),
        refused: decision.refused().iter().map(refused).collect(),
        gaps: decision
            .gaps()
            .iter()
            .zip(decision.gap_children())
            .map(|(gap, about)| GapReport {
                class: gap.class.as_str().to_owned(),
                code: gap.code.as_str().to_owned(),
                what: gap.what.clone(),
                cause: gap.cause.clone(),
                hides: gap.hides.map(|kind| kind.as_str().to_owned()),
                child: about.as_ref().map(child),
            })
            .collect(),
        stale: decision
            .stale()
            .iter()
            .map(|stale| StaleReport {
                what: stale.what.clone(),
                age_seconds: stale.age,
            })
            .collect(),
        break_glass: decision.break_glass().map(BreakGlassReport::from),
        counts: Counts {
            verified: decision.evidence().len(),
            refused: decision.refused().len(),
            gaps: decision.gaps().len(),
        },
    }
}

fn request(request: &Request) -> RequestReport {
    RequestReport {
        digest: request.digest().map(ToString::to_string),
        namespace: request.namespace().map(|it| NamespaceReport {
            name: it.name().to_owned(),
            labels: it.labels().cloned(),
        }),
        age_relief: request.age_relief(),
        break_glass: request
            .break_glass()
            .into_iter()
            .flat_map(|it| it.iter())
            .map(|approval| crate::base64::encode(approval.bundle()))
            .collect(),
    }
}

fn policy(outcome: &PolicyOutcome) -> PolicyReport {
    PolicyReport {
        name: outcome.name.clone(),
        file: file(&outcome.place),
        line: outcome.place.line,
        mode: outcome.mode.as_str().to_owned(),
        effective: outcome.effective,
        namespaces: outcome.namespaces.map(|fit| fit.as_str().to_owned()),
        emits: outcome.emits.clone(),
        judged: outcome.judged.as_str().to_owned(),
        effect: outcome.effect.as_str().to_owned(),
        rules: outcome.rules.iter().map(rule).collect(),
    }
}

fn rule(outcome: &RuleOutcome) -> RuleReport {
    RuleReport {
        name: outcome.name.clone(),
        kind: outcome.kind.to_owned(),
        file: file(&outcome.place),
        line: outcome.place.line,
        effective: outcome.effective,
        outcome: outcome.outcome.as_str().to_owned(),
        code: outcome.code.map(|code| code.as_str().to_owned()),
        message: outcome.message.clone(),
        hint: (!outcome.hint.is_empty()).then(|| outcome.hint.clone()),
        exceptions: outcome.exceptions.iter().map(exception).collect(),
        evidence: outcome.evidence.iter().map(evidence).collect(),
        nearest: outcome.nearest.as_ref().map(candidate),
        candidates: Vec::new(),
    }
}

fn exception(exception: &RuleException) -> ExceptionReport {
    ExceptionReport {
        name: exception.name.clone(),
        status: exception.status.as_str().to_owned(),
        file: file(&exception.place),
        line: exception.place.line,
        reason: safe(&exception.reason),
        ticket: exception.ticket.as_deref().map(safe),
        expires: exception.expires.to_string(),
    }
}

pub(super) fn evidence(cited: &Cited) -> EvidenceReport {
    EvidenceReport {
        kind: cited.kind.to_owned(),
        predicate_type: cited.predicate_type.clone(),
        format: cited.format.to_owned(),
        found: found(&cited.locator),
        child: cited.child.as_ref().map(child),
        signed_by: identity(&cited.identity),
        signer: cited.signer.clone(),
        trust_root: cited.root.clone(),
        signed_at: cited.signed_at.map(|at| at.to_string()),
        times: cited
            .times
            .iter()
            .map(|(time, by)| TimeReport {
                time: time.to_string(),
                by: by.clone(),
            })
            .collect(),
        logs: cited
            .logs
            .iter()
            .map(|(log, index)| LogReport {
                log: log.clone(),
                index: *index,
            })
            .collect(),
    }
}

fn candidate(candidate: &Candidate) -> CandidateReport {
    CandidateReport {
        code: candidate.code.as_str().to_owned(),
        found_at: found(&candidate.locator),
        child: candidate.child.as_ref().map(child),
        signer: candidate.signer.clone(),
        signed_by: candidate.identity.as_ref().map(identity),
        found: candidate.found.clone(),
        wanted: (!candidate.wanted.is_empty()).then(|| candidate.wanted.clone()),
    }
}

pub(super) fn refused(refused: &Refused) -> RefusedReport {
    RefusedReport {
        found: found(&refused.locator),
        child: refused.child.as_ref().map(child),
        claims: refused.claims.clone(),
        code: refused.code.as_str().to_owned(),
        detail: refused.detail.clone(),
    }
}

pub(super) fn identity(identity: &Identity) -> IdentityReport {
    match identity {
        Identity::Key { key, known_as } => IdentityReport::Key {
            key: key.to_string(),
            known_as: known_as.clone(),
        },
        Identity::Certificate {
            fingerprint,
            subject,
            issuer,
            source,
        } => IdentityReport::Certificate {
            fingerprint: fingerprint.to_string(),
            subject: subject.clone(),
            issuer: issuer.clone(),
            source: source.clone(),
        },
    }
}

fn child(child: &CitedChild) -> ChildReport {
    ChildReport {
        digest: child.digest.to_string(),
        platform: child.platform.clone(),
    }
}

fn found(locator: &Locator) -> FoundReport {
    FoundReport {
        by: locator.found_by.as_str().to_owned(),
        manifest: locator.manifest.to_string(),
        blob: locator.blob.to_string(),
        place: locator.place.as_deref().map(safe),
    }
}

fn file(place: &Place) -> String {
    safe(&place.file)
}
