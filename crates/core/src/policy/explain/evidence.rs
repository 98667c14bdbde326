//! Rules that ask for evidence, in plain words.

use super::{either, provenance, quoted, sbom, span, summary, vulnerabilities};
use crate::policy::model::{EvidenceDemand, From, Selection, SubjectDemand, Wanted};

/// What a rule demands, a sentence each.
pub(super) fn demand(demand: &EvidenceDemand) -> Vec<String> {
    let mut says = vec![format!(
        "{} {}.",
        wanted(&demand.wanted),
        from(&demand.from)
    )];
    if let Wanted::Statement {
        asked: Some(asked), ..
    } = &demand.wanted
    {
        says.push(format!("Of it this is true: {}.", quoted(&asked.source)));
    }
    if let Wanted::Sbom(demand) = &demand.wanted {
        says.extend(sbom::says(demand));
    }
    if let Wanted::Provenance(demand) = &demand.wanted {
        says.extend(provenance::says(demand));
    }
    if let Wanted::Vulnerabilities(demand) = &demand.wanted {
        let vex_by = demand.vex.as_ref().map(|vex| from(&vex.from));
        says.extend(vulnerabilities::says(demand, vex_by));
    }
    if let Wanted::Summary(demand) = &demand.wanted {
        says.extend(summary::says(demand));
    }
    says.extend(demand.min_age.map(summary::soak));
    if let Some(age) = demand.max_age {
        let always = if demand.age_always {
            ", also for what runs already"
        } else {
            ""
        };
        says.push(format!(
            "By its proven time it is at most {} old{always}.",
            span(age)
        ));
    }
    says.push(
        match demand.selection {
            Selection::Any => "One piece that holds is enough.",
            Selection::All => "Every piece has to hold, and there is at least one.",
            Selection::Newest => "Of each Signer the newest piece decides, by its proven time.",
        }
        .to_owned(),
    );
    says.push(
        match demand.subject {
            SubjectDemand::Index => "Of an index, it is about the index itself.",
            SubjectDemand::Platform => "Of an index, it is about every platform that could run.",
            SubjectDemand::Either => {
                "Of an index, it is about the index itself or about every platform that could run."
            }
        }
        .to_owned(),
    );
    says
}

/// What is asked for.
fn wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Signature { blob: false } => "The image is signed".to_owned(),
        Wanted::Signature { blob: true } => {
            "It is signed, plain signatures over its bytes included,".to_owned()
        }
        Wanted::Statement { predicate_type, .. } => {
            format!("A statement of type {} is signed", quoted(predicate_type))
        }
        Wanted::Sbom(_) => "What is inside is attested as an SBOM".to_owned(),
        Wanted::Vulnerabilities(_) => "A scan for vulnerabilities is attested".to_owned(),
        Wanted::Summary(demand) => {
            let what = demand.format.described();
            format!("That it was judged before is attested as {what}")
        }
        Wanted::Provenance(_) => "How it was built is attested as SLSA provenance".to_owned(),
    }
}

fn from(from: &From) -> String {
    let names = || from.signers.iter().map(|signer| quoted(&signer.name));
    match (from.threshold, from.signers.len()) {
        (1, 1) => format!("by {}", either(names(), "and")),
        (1, _) => format!("by {}", either(names(), "or")),
        (threshold, count) if threshold == count => {
            format!("by each of {}", either(names(), "and"))
        }
        (threshold, _) => format!(
            "by at least {threshold} of {}, each by a key or identity of its own",
            either(names(), "and")
        ),
    }
}
