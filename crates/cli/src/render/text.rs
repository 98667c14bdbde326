//! A decision as text for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use countersign_core::{
    Candidate, Cited, Decision, ExceptionStatus, Gap, Identity, Mode, NamespaceFit, Outcome, Place,
    PolicyOutcome, ReasonCode, Refused, RevokedImage, RuleException, RuleOutcome, Verdict,
};

use crate::escape::escaped;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();
/// Characters of one foreign string: an image reference, an identity, a cause.
const MAX_CHARS: usize = 512;

/// The decision about one image: verdict, each policy's rules with what decided them, warnings, and with `explain`
/// every comparison and all evidence. The text has ANSI colours, which the output strips where nobody sees them.
pub(crate) fn decision(decision: &Decision, explain: bool) -> String {
    let mut text = Text::default();
    text.head(decision);
    for policy in decision.policies() {
        text.policy(policy, explain);
    }
    for revoked in decision.revoked() {
        text.revoked(revoked);
    }
    if let Some(unmatched) = decision.unmatched() {
        let place = place(&unmatched.place);
        let effect = unmatched.effect.as_str();
        text.line(
            2,
            &format!("no enforcing policy names this image; Settings say {effect}{place}"),
        );
    }
    if let Some(break_glass) = decision.break_glass() {
        text.break_glass(break_glass);
    }
    for warning in decision.warnings() {
        let about = match (&warning.policy, &warning.rule) {
            (Some(policy), Some(rule)) => format!("{}/{}: ", safe(policy), safe(rule)),
            (Some(policy), None) => format!("{}: ", safe(policy)),
            _ => String::new(),
        };
        let warning = format!("{about}{} ({})", safe(&warning.message), warning.code);
        text.line(2, &format!("{} {warning}", styled(DOUBTFUL, "warning:")));
    }
    if explain {
        text.evidence(decision.evidence());
        text.refused(decision.refused());
        text.gaps(decision.gaps());
    }
    text.0
}

#[derive(Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }

    fn head(&mut self, decision: &Decision) {
        let style = match decision.effect() {
            Verdict::Allow => GOOD,
            Verdict::Deny => BAD,
            _ => DOUBTFUL,
        };
        let verdict = styled(style, word(decision.effect()));
        let against = match (decision.judged(), decision.effect()) {
            _ if decision.is_by_break_glass() => {
                " BY BREAK-GLASS (without it the image would not be allowed)"
            }
            (judged, effect) if judged == effect => "",
            (_, Verdict::Allow) if is_waived(decision) => {
                " (an Exception waives what does not pass)"
            }
            (Verdict::Deny, _) => " (policies that do not enforce would deny it)",
            _ => " (could not tell; Settings say what then)",
        };
        self.line(0, &format!("{verdict} {}{against}", safe(decision.image())));
        let digest = match decision.digest() {
            Some(digest) => digest.to_string(),
            None if decision.gaps().is_empty() => "nothing had to be fetched".to_owned(),
            None => "not resolved".to_owned(),
        };
        self.line(2, &digest);
        let judged = match decision.name() {
            Some(name) => format!("judged as {}", safe(name)),
            None => "judged by every policy of the set, for it has no name (see --as)".to_owned(),
        };
        self.line(2, &format!("{judged}, at {}", decision.now()));
    }

    fn revoked(&mut self, revoked: &RevokedImage) {
        let what = match &revoked.child {
            Some(child) => format!("its platform {}", child.digest),
            None => revoked.digest.to_string(),
        };
        let name = safe(&revoked.name);
        let head = format!("{} {what} by {name}", styled(BAD, "REVOKED"));
        self.line(2, &format!("{head}{}", place(&revoked.place)));
        self.line(4, &safe(&revoked.reason));
        self.line(4, &format!("next: {}", ReasonCode::ImageRevoked.hint()));
    }

    fn policy(&mut self, policy: &PolicyOutcome, explain: bool) {
        let mode = match (policy.effective, policy.mode) {
            (false, _) => ", not yet effective".to_owned(),
            (true, Mode::Enforce) => String::new(),
            (true, mode) => format!(", mode {}", mode.as_str()),
        };
        let unknown = match policy.namespaces {
            Some(NamespaceFit::Unknown) => ", which may not be for this namespace",
            _ => "",
        };
        self.line(
            2,
            &format!(
                "policy {}{mode}{unknown}{}",
                safe(&policy.name),
                place(&policy.place)
            ),
        );
        for rule in &policy.rules {
            self.rule(rule);
            if explain {
                self.candidates(&rule.candidates);
            }
        }
    }

    fn rule(&mut self, rule: &RuleOutcome) {
        let outcome = match rule.outcome {
            Outcome::Pass => styled(GOOD, "pass"),
            Outcome::Fail => styled(BAD, "FAIL"),
            _ => styled(DOUBTFUL, "unknown"),
        };
        let code = rule
            .code
            .map(|code| format!(": {code}"))
            .unwrap_or_default();
        let later = match (rule.effective, rule.waived_by()) {
            (false, _) => ", not yet effective",
            (true, Some(_)) => ", waived",
            (true, None) => "",
        };
        let name = safe(&rule.name);
        self.line(
            4,
            &format!(
                "{outcome} {name} ({}){later}{code}{}",
                rule.kind,
                place(&rule.place)
            ),
        );
        if rule.outcome != Outcome::Pass {
            self.line(6, &safe(&rule.message));
        }
        for exception in &rule.exceptions {
            self.exception(exception);
        }
        for cited in &rule.evidence {
            self.cited(6, cited);
        }
        if let Some(nearest) = &rule.nearest {
            self.nearest(nearest);
        }
        if !rule.hint.is_empty() {
            self.line(6, &format!("next: {}", safe(&rule.hint)));
        }
    }

    /// An Exception of a rule that did not pass. Why it does not waive the rule is said in the rule's message.
    fn exception(&mut self, exception: &RuleException) {
        let name = safe(&exception.name);
        let what = match exception.status {
            ExceptionStatus::Waives => styled(DOUBTFUL, "waived by"),
            ExceptionStatus::Expired => "no longer waived by".to_owned(),
            _ => "not waived by".to_owned(),
        };
        let ticket = exception
            .ticket
            .as_deref()
            .map(|ticket| format!(", {}", safe(ticket)))
            .unwrap_or_default();
        let end = match exception.status {
            ExceptionStatus::Expired => format!("since {}{ticket}", exception.expires),
            _ => format!("until {}{ticket}", exception.expires),
        };
        self.line(
            6,
            &format!("{what} {name} {end}{}", place(&exception.place)),
        );
        self.line(8, &safe(&exception.reason));
    }

    pub(super) fn cited(&mut self, indent: usize, cited: &Cited) {
        let what = match &cited.predicate_type {
            Some(predicate_type) => safe(predicate_type),
            None => cited.kind.to_owned(),
        };
        let signer = match &cited.signer {
            Some(signer) => format!("{}, ", safe(signer)),
            None => String::new(),
        };
        self.line(
            indent,
            &format!("{what} by {signer}{}", identity(&cited.identity)),
        );
        let proven: Vec<String> = cited
            .times
            .iter()
            .map(|(time, authority)| format!("{time} by {}", safe(authority)))
            .collect();
        let when = match proven.as_slice() {
            [] => "no proven time".to_owned(),
            times => format!("signed {}", times.join(", ")),
        };
        let logs: String = cited
            .logs
            .iter()
            .map(|(log, index)| format!(", entry {index} of {}", safe(log)))
            .collect();
        let root = cited
            .root
            .as_ref()
            .map(|root| format!(", trust root {}", safe(root)))
            .unwrap_or_default();
        self.line(indent + 2, &format!("{when}{logs}{root}"));
        self.line(
            indent + 2,
            &faint(&format!("{} {}", cited.format, cited.locator)),
        );
    }

    fn nearest(&mut self, nearest: &Candidate) {
        let who = nearest
            .identity
            .as_ref()
            .map(|who| format!(" by {}", identity(who)))
            .unwrap_or_default();
        let signer = nearest
            .signer
            .as_ref()
            .map(|signer| format!(", compared with {}", safe(signer)));
        let signer = signer.unwrap_or_default();
        self.line(
            6,
            &format!(
                "nearest: {}{who}{signer}: {}",
                nearest.locator, nearest.code
            ),
        );
    }

    fn gaps(&mut self, gaps: &[Gap]) {
        self.line(2, &format!("could not be fetched: {}", gaps.len()));
        for gap in gaps {
            let class = gap.class.as_str();
            self.line(4, &format!("{}: {} ({class})", safe(&gap.what), gap.code));
            self.line(6, &safe(&gap.cause));
        }
    }

    pub(super) fn evidence(&mut self, evidence: &[Cited]) {
        self.line(2, &format!("evidence that verified: {}", evidence.len()));
        for cited in evidence {
            self.cited(4, cited);
        }
    }

    pub(super) fn refused(&mut self, refused: &[Refused]) {
        self.line(2, &format!("evidence that was refused: {}", refused.len()));
        for refused in refused {
            let claims = refused
                .claims
                .as_deref()
                .map_or("unreadable".to_owned(), safe);
            self.line(4, &format!("{claims}: {}", refused.code));
            self.line(6, &safe(&refused.detail));
            self.line(6, &faint(&refused.locator.to_string()));
        }
    }
}

/// What an effect is called where people read it.
pub(crate) const fn word(effect: Verdict) -> &'static str {
    match effect {
        Verdict::Allow => "ALLOWED",
        Verdict::Deny => "DENIED",
        _ => "UNKNOWN",
    }
}

/// Whether an Exception waives a rule that would deny.
fn is_waived(decision: &Decision) -> bool {
    let denying = |policy: &&PolicyOutcome| policy.mode == Mode::Enforce;
    let policies = decision.policies().iter().filter(denying);
    let mut rules = policies.flat_map(|policy| &policy.rules);
    rules.any(|rule| rule.effective && rule.waived_by().is_some())
}

pub(crate) fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Key {
            key,
            known_as: Some(name),
        } => format!("key {} ({key})", safe(name)),
        Identity::Key {
            key,
            known_as: None,
        } => format!("key {key}"),
        Identity::Certificate {
            subject,
            issuer,
            source,
            ..
        } => {
            let source = source
                .as_ref()
                .map(|source| format!(", source {}", safe(source)))
                .unwrap_or_default();
            format!("{} (issuer {}{source})", safe(subject), safe(issuer))
        }
        _ => "an unknown kind of signer".to_owned(),
    }
}

pub(super) fn place(place: &Place) -> String {
    faint(&format!(" [{}:{}]", safe(&place.file), place.line))
}

pub(super) fn faint(text: &str) -> String {
    styled(FAINT, text)
}

pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub(super) fn safe(text: &str) -> String {
    escaped(text, MAX_CHARS)
}
