//! The rule `provenance`, in plain words.

use super::{either, quoted};
use crate::policy::glob::Glob;
use crate::provenance::{BuilderDemand, BuilderId, DependencyDemand, ProvenanceDemand, Speakers};

/// What must have been built how, a sentence each.
pub(super) fn says(demand: &ProvenanceDemand) -> Vec<String> {
    let mut says = Vec::new();
    match demand.builders.as_slice() {
        [] => says.push("It may name any builder, which counts for build level 1.".to_owned()),
        builders => says.extend(builders.iter().map(|it| builder(it))),
    }
    if demand.builders.len() > 1 {
        let lowest =
            "A build that several of these builders name counts for the lowest of their levels.";
        says.push(lowest.to_owned());
    }
    says.push(format!(
        "Signer and builder together are trusted for build level {} or more; a self-hosted runner for level 1.",
        demand.min_level
    ));
    says.push(
        "Where a certificate signed, all that it states is what the provenance says.".to_owned(),
    );
    let source = &demand.source;
    for claim in &source.claims {
        let any_of = claim.any_of.iter().map(|it| quoted(&it.to_string()));
        says.push(format!(
            "Its source's {} is {}.",
            claim.claim.name(),
            either(any_of, "or")
        ));
    }
    if let Some(tags) = &source.tags {
        says.push(format!("It was built from a tag with a version {tags}."));
    }
    if !source.names_events {
        says.push("No pull request started it.".to_owned());
    }
    if !demand.workflows.is_empty() {
        let paths = demand.workflows.iter().map(|it| quoted(it));
        says.push(format!("The workflow's file is {}.", either(paths, "or")));
    }
    for (name, values) in &demand.parameters.values {
        let values = values.iter().map(|it| quoted(it));
        says.push(format!(
            "The parameter {} is {}.",
            quoted(name),
            either(values, "or")
        ));
    }
    says.push(if demand.parameters.others {
        "It may have any other parameters.".to_owned()
    } else {
        "It has no other parameters than those and its workflow's.".to_owned()
    });
    says.extend(demand.dependencies.iter().map(dependency));
    if !demand.build_types.is_empty() {
        let types = demand.build_types.iter().map(|it| quoted(it));
        let types = either(types, "and");
        says.push(format!(
            "Of the build types {types} only what SLSA defines is compared."
        ));
    }
    says
}

fn builder(builder: &BuilderDemand) -> String {
    let id = match &builder.id {
        BuilderId::Exact(id) => quoted(id),
        BuilderId::Workflow { path, refs } => {
            let refs = refs.iter().map(Glob::as_str).map(quoted);
            format!(
                "the GitHub workflow {} at {}",
                quoted(path),
                either(refs, "or")
            )
        }
        BuilderId::OwnWorkflow => "the GitHub workflow at the top".to_owned(),
        BuilderId::ReusableWorkflow => "a reusable GitHub workflow".to_owned(),
    };
    let speakers = match &builder.speakers {
        Speakers::Signers(names) => either(names.iter().map(|it| quoted(it)), "or"),
        Speakers::Builder => "a certificate of its own".to_owned(),
    };
    format!(
        "It may name the builder {}: {id}, for which {speakers} speaks, at build level {}.",
        quoted(&builder.name),
        builder.level
    )
}

fn dependency(demand: &DependencyDemand) -> String {
    let digest = demand
        .digest
        .as_ref()
        .map(|(algorithm, hex)| format!("{algorithm}:{hex}"));
    let what = demand.uri.iter().chain(&digest).map(|it| quoted(it));
    format!("{} went into it.", either(what, "with"))
}
