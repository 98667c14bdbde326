//! The rule `sbom`, in plain words.

use super::{either, quoted};
use crate::license::Family;
use crate::policy::glob::Glob;
use crate::sbom::judge::{Lenience, LicenseDemand, SbomDemand};

/// What the document must be and list, a sentence each.
pub(super) fn says(demand: &SbomDemand) -> Vec<String> {
    let mut says = Vec::new();
    if !demand.formats.is_empty() {
        let formats = demand.formats.iter().map(|it| (*it).to_owned());
        says.push(format!("It is {}.", either(formats, "or")));
    }
    says.push(format!(
        "It lists at least {} components.",
        demand.min_components
    ));
    if !demand.generators.is_empty() {
        let tools = demand.generators.iter().map(Glob::as_str).map(quoted);
        says.push(format!("A tool like {} made it.", either(tools, "or")));
    }
    for (field, least) in &demand.coverage {
        says.push(format!(
            "It states {} of {least} % of its components.",
            field.name()
        ));
    }
    if !demand.document.is_empty() {
        let fields = demand.document.iter().map(|it| it.name().to_owned());
        says.push(format!("Of itself it states {}.", either(fields, "and")));
    }
    if let Some(packages) = &demand.packages {
        let bans = packages.bans().iter().map(|ban| quoted(&ban.written));
        says.push(format!("Inside is none of {}.", either(bans, "and")));
    }
    if let Some(licenses) = &demand.licenses {
        says.extend(self::licenses(licenses));
    }
    says
}

fn licenses(demand: &LicenseDemand) -> Vec<String> {
    let families = |list: &[Family]| either(list.iter().map(|it| quoted(it.as_str())), "or");
    let mut says = Vec::new();
    if !demand.list.allow.is_empty() {
        let allowed = families(&demand.list.allow);
        says.push(format!(
            "Each component can be used under {allowed}, whichever version of it."
        ));
    }
    if !demand.list.deny.is_empty() {
        let denied = families(&demand.list.deny);
        says.push(format!(
            "No component can only be used under {denied}, whichever version of it."
        ));
    }
    for (word, what) in [
        (demand.unknown, "whose licence cannot be parsed"),
        (demand.missing, "without a licence"),
    ] {
        says.push(match word {
            Lenience::Deny => format!("A component {what} denies."),
            Lenience::Warn => format!("A component {what} is a warning."),
            Lenience::Allow => format!("A component {what} passes."),
        });
    }
    says
}
