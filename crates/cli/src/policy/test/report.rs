//! What `policy test` prints.

use std::fmt::Write as _;

use countersign_core::Mutation;
use serde::Serialize;

use super::mutants::Counted;
use super::suite::Suite;
use crate::escape::escaped;

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestReport<'a> {
    api_version: &'static str,
    cases: Vec<CaseReport<'a>>,
    /// Missing where it was not asked for, or a case failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    mutations: Option<Vec<PolicyReport>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseReport<'a> {
    name: &'a str,
    why: &'a str,
    passed: bool,
    differences: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyReport {
    policy: String,
    /// How many changes were tried.
    changes: usize,
    /// How many more would have changed nothing.
    without_effect: usize,
    unnoticed: Vec<ChangeReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeReport {
    file: String,
    line: usize,
    column: usize,
    document: String,
    field: String,
    change: String,
}

impl<'a> TestReport<'a> {
    pub(super) fn new(suites: &'a [Suite], mutated: Option<Vec<Counted>>) -> Self {
        let mut cases: Vec<CaseReport<'_>> = suites
            .iter()
            .flat_map(|suite| &suite.setups)
            .flat_map(|setup| setup.cases.iter().zip(&setup.differences))
            .map(|(case, differences)| CaseReport {
                name: &case.name,
                why: &case.why,
                passed: differences.is_empty(),
                differences,
            })
            .collect();
        cases.sort_by_key(|case| case.name);
        Self {
            api_version: "countersign.dev/policy-test/v1alpha1",
            cases,
            mutations: mutated
                .map(|policies| policies.into_iter().map(PolicyReport::from).collect()),
        }
    }

    /// Whether every case passed and every change was noticed.
    pub(super) fn is_good(&self) -> bool {
        self.failed() == 0 && self.unnoticed() == 0
    }

    /// For people; `asked` says whether changes were asked for.
    pub(super) fn to_text(&self, asked: bool) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        for case in &self.cases {
            let word = if case.passed { "pass" } else { "FAIL" };
            let (name, why) = (escaped(case.name, 200), escaped(case.why, 200));
            let _ = writeln!(text, "{word}  {name}: {why}");
            for line in case.differences {
                let _ = writeln!(text, "      {}", escaped(line, 300));
            }
        }
        let (all, failed) = (self.cases.len(), self.failed());
        let _ = writeln!(text, "\n{}, {failed} failed", counted(all, "case"));
        match &self.mutations {
            Some(policies) => changes(policies, &mut text),
            None if asked => text.push_str("No changes were tried, because a case failed.\n"),
            None => {}
        }
        text
    }

    fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed).count()
    }

    fn unnoticed(&self) -> usize {
        let policies = self.mutations.iter().flatten();
        policies.map(|policy| policy.unnoticed.len()).sum()
    }
}

/// The changes that nobody noticed, each on one line with its place.
fn changes(policies: &[PolicyReport], text: &mut String) {
    text.push('\n');
    for change in policies.iter().flat_map(|policy| &policy.unnoticed) {
        let field = match change.field.as_str() {
            "" => "the whole document",
            field => field,
        };
        let _ = writeln!(
            text,
            "UNNOTICED  {}:{}:{}: {} {}: {}",
            escaped(&change.file, 200),
            change.line,
            change.column,
            escaped(&change.document, 200),
            escaped(field, 200),
            escaped(&change.change, 200)
        );
    }
    let sum = |of: fn(&PolicyReport) -> usize| policies.iter().map(of).sum::<usize>();
    let _ = writeln!(
        text,
        "{} of {} tried, {} unnoticed ({} more would change nothing)",
        counted(sum(|policy| policy.changes), "change"),
        counted(policies.len(), "policy set"),
        sum(|policy| policy.unnoticed.len()),
        sum(|policy| policy.without_effect),
    );
}

impl From<Counted> for PolicyReport {
    fn from(counted: Counted) -> Self {
        Self {
            policy: counted.policy,
            changes: counted.changes,
            without_effect: counted.idle,
            unnoticed: counted.unnoticed.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Mutation> for ChangeReport {
    fn from(mutation: Mutation) -> Self {
        Self {
            file: mutation.place.file,
            line: mutation.place.line,
            column: mutation.place.column,
            document: mutation.document,
            field: mutation.field,
            change: mutation.change,
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
