//! An SBOM as text for people.

use super::text::{BAD, GOOD, Text, faint, styled};
use crate::sbom::report::{ComponentReport, RuleReport, SbomReport};

/// Licences that are listed.
const MOST_LICENSES: usize = 20;

pub(crate) fn text(report: &SbomReport) -> String {
    let mut text = Text::default();
    text.line(
        0,
        &format!("{} {} {}", report.file, report.format, report.version),
    );
    let created = report.created.as_deref().unwrap_or("at no stated time");
    let tools = match report.generators.as_slice() {
        [] => "no stated tool".to_owned(),
        tools => tools.join(", "),
    };
    text.line(2, &format!("made {created} by {tools}"));
    if let Some(subject) = &report.subject {
        text.line(2, &format!("about {}", called(subject)));
    }
    let states = &report.states;
    text.line(
        2,
        &format!(
            "{} components: {} with a version, {} with an id, {} with a licence, {} with a supplier, {} with a checksum",
            report.count, states.version, states.unique_id, states.licenses, states.supplier, states.hashes
        ),
    );
    text.line(2, &format!("licences: {}", report.licenses.len()));
    for license in report.licenses.iter().take(MOST_LICENSES) {
        text.line(
            4,
            &format!("{:>6}  {}", license.components, license.license),
        );
    }
    if report.licenses.len() > MOST_LICENSES {
        text.line(
            4,
            &format!("and {} more", report.licenses.len() - MOST_LICENSES),
        );
    }
    text.line(2, "components:");
    for component in &report.components {
        let licenses = match component.licenses.as_slice() {
            [] => "no licence".to_owned(),
            licenses => licenses.join(", "),
        };
        let indent = 4 + 2 * usize::from(component.depth);
        text.line(
            indent,
            &format!("{} {}", called(component), faint(&licenses)),
        );
    }
    if report.not_listed > 0 {
        text.line(4, &format!("and {} more (--all)", report.not_listed));
    }
    for rule in report.rules.iter().flatten() {
        self::rule(&mut text, rule);
    }
    if report.rules.is_some() {
        text.line(2, &faint("who attested it, and when, was not asked"));
    }
    text.0
}

fn rule(text: &mut Text, rule: &RuleReport) {
    let outcome = match rule.outcome {
        "pass" => styled(GOOD, "pass"),
        _ => styled(BAD, "FAIL"),
    };
    let code = rule
        .code
        .map(|code| format!(": {code}"))
        .unwrap_or_default();
    let place = faint(&format!(" [{}:{}]", rule.file, rule.line));
    text.line(
        2,
        &format!("{outcome} {}/{}{code}{place}", rule.policy, rule.rule),
    );
    for one in &rule.comparisons {
        let holds = if one.outcome == "pass" {
            "ok  "
        } else {
            "FAIL"
        };
        text.line(
            4,
            &format!(
                "{holds} {}: wanted {}; found {}",
                one.what, one.wanted, one.found
            ),
        );
    }
    for warning in &rule.warnings {
        text.line(4, &format!("warning: {warning}"));
    }
    if let Some(hint) = rule.hint {
        text.line(4, &format!("next: {hint}"));
    }
}

fn called(component: &ComponentReport) -> String {
    match (&component.purl, &component.version) {
        (Some(purl), _) => purl.clone(),
        (None, Some(version)) => format!("{} {version}", component.name),
        (None, None) => component.name.clone(),
    }
}
