//! `countersign break-glass verify`: whether approvals would count by a policy, for which image and namespace, without asking anybody.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anstyle::Style;
use countersign_core::{
    Approvals, BreakGlassOutcome, BreakGlassReport, BreakGlassScope, ImageRef, Namespace,
    PolicySet, Request, UnixTime, judge_break_glass,
};
use serde::Serialize;

use super::approvals;
use crate::args::Format;
use crate::args::break_glass::VerifyStatement;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::{Policies, Roots};
use crate::surroundings::Surroundings;
use crate::{output, render};

const API_VERSION: &str = "countersign.dev/break-glass-verdict/v1alpha1";
/// Questions of one run.
const MOST: usize = 10_000;

/// Judge statements.
#[derive(Debug)]
pub(crate) struct VerifyJob {
    files: [PathBuf; 1],
    image: Option<ImageRef>,
    namespace: Option<String>,
    policy: PathBuf,
    roots: Roots,
    now: UnixTime,
    format: Format,
    color: anstream::ColorChoice,
}

impl VerifyJob {
    pub(super) fn new(
        typed: VerifyStatement,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let image = typed.image.as_deref().map(|text| {
            ImageRef::parse(text)
                .map_err(|error| Failure::misused(&format!("{}: {error}", escaped(text, 100))))
        });
        let now = typed.at.unwrap_or(surroundings.now);
        Ok(Self {
            files: [typed.file],
            image: image.transpose()?,
            namespace: typed.namespace,
            policy: typed.policy,
            roots: Roots::typed(typed.roots, surroundings, now),
            now,
            format: typed.format,
            color,
        })
    }
}

/// An image in a namespace; none is whatever runs there.
type Asked = (Option<String>, String);

/// Judges each image in each namespace: the run is good if for each of them a statement holds.
pub(super) fn run(job: &VerifyJob) -> Result<Exit, Failure> {
    let policies = Policies::load(&job.policy, &job.roots)?;
    let policies = policies.told(&job.policy, "nothing was judged", job.color)?;
    let approvals = approvals(&job.files, policies.trust())?;
    let asked = asked(job, &approvals);
    if asked.len() > MOST {
        return Err(Failure::misused(&format!(
            "{} images and namespaces are more than {MOST}; name one",
            asked.len()
        )));
    }
    let mut judged = Vec::new();
    for (image, namespace) in asked {
        let outcome = judge(job, &policies, &approvals, image.as_deref(), &namespace)?;
        judged.push((image, namespace, outcome));
    }
    let holds = |outcome: &BreakGlassOutcome| outcome.statements.iter().any(|it| it.is_good());
    let all_hold = !judged.is_empty() && judged.iter().all(|(_, _, outcome)| holds(outcome));
    let exit = if all_hold {
        Exit::Allowed
    } else {
        Exit::Denied
    };
    let text = match job.format {
        Format::Json => output::json(&Verdicts {
            api_version: API_VERSION,
            now: job.now.to_string(),
            holds: all_hold,
            verdicts: judged
                .iter()
                .map(|(image, namespace, outcome)| Verdict {
                    image: image.as_deref(),
                    namespace,
                    holds: holds(outcome),
                    break_glass: BreakGlassReport::from(outcome),
                })
                .collect(),
        }),
        Format::Text if judged.is_empty() => unreadable(&approvals),
        Format::Text => {
            let texts = judged.iter().map(|(image, namespace, outcome)| {
                let (style, word): (Style, _) = match holds(outcome) {
                    true => (render::text::GOOD, "HOLDS"),
                    false => (render::text::BAD, "DOES NOT HOLD"),
                };
                let what = image.as_deref().unwrap_or("every image");
                let (what, namespace) = (escaped(what, 500), escaped(namespace, 100));
                let head = format!(
                    "{style}{word}{style:#} for {what} in {namespace}, at {}\n",
                    job.now
                );
                format!("{head}{}", render::break_glass::statements(outcome))
            });
            texts.collect::<Vec<_>>().join("\n")
        }
    };
    Ok(output::deliver(&text, job.color, exit))
}

/// What the command line asks, and where it does not say what the statements name.
fn asked(job: &VerifyJob, approvals: &Approvals) -> BTreeSet<Asked> {
    let mut asked = BTreeSet::new();
    for statement in approvals.iter().filter_map(|it| it.statement()) {
        let images: Vec<Option<String>> = match (&job.image, &statement.scope) {
            (Some(image), _) => vec![Some(image.written().to_owned())],
            (None, BreakGlassScope::Images(images)) => images
                .iter()
                .map(|(name, digest)| Some(format!("{name}@{digest}")))
                .collect(),
            (None, _) => vec![None],
        };
        let namespaces = match &job.namespace {
            Some(namespace) => std::slice::from_ref(namespace),
            None => statement.namespaces.as_slice(),
        };
        for image in images {
            asked.extend(namespaces.iter().map(|it| (image.clone(), it.clone())));
        }
    }
    asked
}

fn judge(
    job: &VerifyJob,
    policies: &PolicySet,
    approvals: &Approvals,
    image: Option<&str>,
    namespace: &str,
) -> Result<BreakGlassOutcome, Failure> {
    let request = match image {
        Some(text) => Request::named(
            &ImageRef::parse(text)
                .map_err(|error| Failure::misused(&format!("{}: {error}", escaped(text, 100))))?,
        ),
        None => Request::unnamed("every image", None),
    };
    let request = request
        .in_namespace(Namespace::new(namespace))
        .with_break_glass(approvals.clone());
    judge_break_glass(policies, &request, job.now)
        .ok_or_else(|| Failure::misused("no approval was given"))
}

/// What the file holds in place of statements.
fn unreadable(approvals: &Approvals) -> String {
    let why = approvals.iter().filter_map(|it| it.refused());
    why.map(|it| {
        format!(
            "not a statement: {}: {}\n",
            it.code,
            escaped(&it.detail, 500)
        )
    })
    .collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdicts<'a> {
    api_version: &'static str,
    now: String,
    holds: bool,
    verdicts: Vec<Verdict<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    namespace: &'a str,
    holds: bool,
    break_glass: BreakGlassReport,
}
