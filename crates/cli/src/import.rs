//! `countersign policy import`: policies of policy-controller and of Kyverno as one policy set, and what became of each field.
//!
//! Nothing that is written lets through what the original kept out. What cannot be carried over leaves a rule that nobody can
//! meet, or makes something stricter, and the report says so. It is tried before it is written: it loads without a warning.

mod controller;
mod gather;
mod identity;
mod images;
mod input;
mod key;
mod kyverno;
mod model;
mod node;
mod output;
mod predicate;
mod report;
mod settle;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_core::{Tree, UnixTime};

use self::gather::{Gather, Source};
use self::input::{Family, Found};
use self::model::{Set, Unmatched};
use self::report::{Document, DocumentResult, Log, Outcome, Report};
use crate::args::{Format, import};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// Translate policies of others.
#[derive(Debug)]
pub(crate) struct ImportJob {
    from: Vec<PathBuf>,
    out: Option<PathBuf>,
    report: Format,
    now: UnixTime,
    color: anstream::ColorChoice,
}

impl ImportJob {
    pub(crate) fn new(
        typed: import::Import,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        Self {
            from: typed.from,
            out: typed.out,
            report: typed.report,
            now: typed.at.unwrap_or(surroundings.now),
            color,
        }
    }
}

/// Reads all, writes the set, and tells what became of it. Where a person has to look after something the exit code is not 0,
/// although something was written.
pub(crate) fn run(job: &ImportJob) -> Result<Exit, Failure> {
    let texts = input::read(&job.from)?;
    let trees = input::trees(&texts)?;
    let found = input::documents(&trees);
    let family = input::family(&found)?;
    let mut report = Report::new();
    let (unmatched, because) = unmatched(&found, family)?;
    let mut gather = Gather {
        set: Set {
            unmatched,
            unmatched_because: because,
            signers: Vec::new(),
            roots: Vec::new(),
            policies: Vec::new(),
        },
        roots: BTreeMap::new(),
        has_folder: job.out.as_deref().is_some_and(output::is_folder),
        document: 0,
        general: Vec::new(),
    };
    // Policies name TrustRoots, wherever these stand.
    let roots_first = |it: &&Found<'_>| it.what != Family::ControllerRoot;
    let mut order: Vec<&Found<'_>> = found.iter().collect();
    order.sort_by_key(roots_first);
    let mut documents: Vec<(usize, Document)> = Vec::new();
    for one in order {
        documents.push((one.order, document(one, &mut gather)));
    }
    documents.sort_by_key(|(order, _)| *order);
    report.documents = documents
        .into_iter()
        .map(|(_, document)| document)
        .collect();
    report.general.append(&mut gather.general);
    if gather.set.policies.is_empty() && gather.set.roots.is_empty() {
        return Err(nothing(&report, job));
    }
    let result = settle::settled(&mut gather.set, job.now, &mut report.general)?;
    for (document, why) in &result.closed {
        report.closed(*document, why);
    }
    report.general.push(match unmatched {
        Unmatched::Deny => format!("Settings.unmatched: deny; {because}"),
        Unmatched::Warn => format!("Settings.unmatched: warn; {because}"),
        Unmatched::Allow => format!("Settings.unmatched: allow; {because}"),
    });
    let exit = if report.is_open() || result.needs_fetch {
        Exit::Denied
    } else {
        Exit::Allowed
    };
    output::delivered(job, &gather.set, &result.text, &report, exit)
}

/// One document, whatever it is.
fn document(found: &Found<'_>, gather: &mut Gather) -> Document {
    let source: &Source<'_> = &found.source;
    gather.document = found.order;
    let mut entries = Vec::new();
    let mut log = Log::new(&mut entries);
    let (policies, roots) = (gather.set.policies.len(), gather.set.roots.len());
    let mut is_ours = true;
    match found.what {
        Family::ControllerPolicy => controller::cluster_image_policy(source, gather, &mut log),
        Family::ControllerRoot => controller::trust_root(source, gather, &mut log),
        Family::KyvernoPolicy => is_ours = kyverno::policy(source, gather, &mut log),
        Family::KyvernoValidating => kyverno::image_validating_policy(source, gather, &mut log),
        Family::Other => is_ours = false,
    }
    let is_closed = gather
        .set
        .policies
        .iter()
        .skip(policies)
        .any(|it| !it.closed.is_empty());
    let is_lost = found.what == Family::ControllerRoot && gather.set.roots.len() == roots;
    let is_partly = entries.iter().any(|it| it.outcome == Outcome::NotSupported);
    Document {
        file: source.file.clone(),
        line: source.node.line(),
        kind: source.kind.clone(),
        name: source.name.clone(),
        result: match () {
            () if !is_ours => DocumentResult::PassedOver,
            () if is_closed || is_lost => DocumentResult::Denies,
            () if is_partly => DocumentResult::Partly,
            () => DocumentResult::Carried,
        },
        entries,
    }
}

/// What the original does with an image that no policy names.
fn unmatched(
    found: &[Found<'_>],
    family: Option<Family>,
) -> Result<(Unmatched, &'static str), Failure> {
    if family == Some(Family::KyvernoPolicy) {
        return Ok((
            Unmatched::Allow,
            "in Kyverno an image runs that no rule names; say deny as soon as you can",
        ));
    }
    let configured = found.iter().find_map(|it| it.no_match());
    match configured {
        None => Ok((
            Unmatched::Deny,
            "policy-controller's default for an image that no policy names",
        )),
        Some("deny") => Ok((Unmatched::Deny, "as `no-match-policy` says")),
        Some("warn") => Ok((Unmatched::Warn, "as `no-match-policy` says")),
        Some("allow") => Ok((Unmatched::Allow, "as `no-match-policy` says")),
        Some(other) => Err(Failure::misused(&format!(
            "ConfigMap config-policy-controller: no-match-policy is `{}`, and the original knows allow, warn and deny",
            crate::escape::escaped(other, 100)
        ))),
    }
}

/// Nothing to write: the report still tells what was looked at.
fn nothing(report: &Report, job: &ImportJob) -> Failure {
    if !report.documents.is_empty() {
        crate::output::say(&output::report(report, job.report), job.color);
    }
    Failure::misused(
        "nothing can be imported: no ClusterImagePolicy, TrustRoot, ImageValidatingPolicy, or ClusterPolicy or Policy with `verifyImages`, that names images",
    )
}

/// The documents of a list, and those that are none.
fn flattened<'a>(tree: &'a Tree, into: &mut Vec<&'a Tree>) {
    let node = node::Node::root(tree);
    let is_list = node.word("kind").is_some_and(|kind| kind.ends_with("List"));
    match &tree.value {
        countersign_core::TreeValue::Map(entries) if is_list => {
            let items = entries.iter().find(|(name, _)| name == "items");
            if let Some((
                _,
                Tree {
                    value: countersign_core::TreeValue::List(items),
                    ..
                },
            )) = items
            {
                for item in items {
                    flattened(item, into);
                }
            }
        }
        _ => into.push(tree),
    }
}
