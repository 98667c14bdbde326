//! The rule `vulnerabilities`, in plain words.

use super::{either, quoted, span};
use crate::scan::{ScannerDemand, VulnerabilityDemand};

/// Which findings deny, a sentence each.
pub(super) fn says(demand: &VulnerabilityDemand, vex_by: Option<String>) -> Vec<String> {
    let unrated = if demand.allow_unknown {
        "findings without a rating pass"
    } else {
        "findings without a rating count too"
    };
    let mut says = vec![format!(
        "It has no finding of severity {} or above; {unrated}.",
        demand.deny_from
    )];
    if demand.ignore_unfixed {
        says.push("Findings pass of which the scanner says that there is no fix.".to_owned());
    }
    for leeway in &demand.leeway {
        says.push(format!(
            "A {} finding passes for {} after the vulnerability was published.",
            leeway.severity,
            span(leeway.seconds)
        ));
    }
    if let Some(age) = demand.max_database_age {
        says.push(format!(
            "The scanner's database was at most {} old when the scan was signed.",
            span(age)
        ));
    }
    if !demand.scanners.is_empty() {
        let scanners = demand.scanners.iter().map(ScannerDemand::as_str);
        says.push(format!(
            "The scanner is {}.",
            either(scanners.map(quoted), "or")
        ));
    }
    if demand.warn_unsupported {
        says.push("A result that cannot be read passes with a warning.".to_owned());
    }
    if let (Some(vex), Some(by)) = (&demand.vex, vex_by) {
        let age = match vex.max_age {
            Some(age) => format!(" of at most {}", span(age)),
            None => String::new(),
        };
        says.push(format!(
            "What VEX{age} signed {by} says is fixed, or not affected with a justification, is subtracted; the newest word counts."
        ));
    }
    says
}
