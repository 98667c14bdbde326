//! `testdata/cases/*`: a policy, an image and the report that is expected. Adding a case is adding a folder.
//!
//! | file | holds |
//! |---|---|
//! | `policy.yaml` | the policy set |
//! | `case.json` | `why`, `image` (paths start at `testdata`), `at`, and where needed `as`, `registry`, `namespace`, `trustRoots`, `breakGlass` and `expect` |
//! | `expect.json` | the whole report; `UPDATE_GOLDEN=1 cargo test -p countersign --test cases` writes it, and people review it |
//!
//! Cases of an `artifact` in place of an image are those of the command alone: `policy test` judges them, without a report.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use countersign::{Checker, Image, LayoutRef, Limits, OciLayout, PolicyFiles, ReplayStore};
use countersign_core::{
    Approvals, ExtraRoot, Gap, GapClass, ImageRef, Namespace, ReasonCode, Report, Resolution,
    UnixTime, decide,
};
use serde::Deserialize;

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    why: String,
    image: String,
    #[serde(rename = "as")]
    judged_as: Option<String>,
    at: String,
    /// `unavailable`: nothing is asked.
    registry: Option<String>,
    /// The namespace in which the image is to run; its labels are not known.
    namespace: Option<Named>,
    #[serde(default)]
    trust_roots: BTreeMap<String, String>,
    /// Files of approvals of break-glass statements, one bundle on each line.
    #[serde(default)]
    break_glass: Vec<String>,
    expect: Option<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// What the report must say, so that nobody writes a wrong one by `UPDATE_GOLDEN`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Expect {
    effect: String,
    /// Reason codes by rule; every other rule passes.
    reasons: BTreeMap<String, String>,
    /// What comes of each break-glass statement, by its id.
    #[serde(default)]
    break_glass: BTreeMap<String, String>,
}

#[test]
fn every_case_has_the_report_that_is_expected() {
    // Reports cite policy files as they were given; from here their paths are the same on every machine.
    env::set_current_dir(TESTDATA).unwrap();
    let names = cases();
    let failures: Vec<String> = names.iter().filter_map(|name| check(name).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        names.len(),
        failures.join("\n")
    );
}

/// Every image that `testdata/make.sh` makes is in a case, so that none is there for nothing.
#[test]
fn every_image_is_in_a_case() {
    let used: BTreeSet<String> = cases()
        .iter()
        .map(|name| case(&Path::new(TESTDATA).join("cases").join(name)).image)
        .filter_map(|image| {
            Some(
                image
                    .strip_prefix("oci:images/")?
                    .split([':', '@'])
                    .next()?
                    .to_owned(),
            )
        })
        .collect();
    let made: BTreeSet<String> = folders(&Path::new(TESTDATA).join("images"))
        .into_iter()
        .collect();
    assert_eq!(
        made.difference(&used).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

fn check(name: &str) -> Result<(), String> {
    let folder = Path::new("cases").join(name);
    let case = case(&folder);
    let report = report(&folder, &case);
    if let Some(expect) = &case.expect {
        said(name, expect, &report)?;
    }
    let golden = folder.join("expect.json");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &report).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    if report == expected {
        return Ok(());
    }
    let line = report
        .lines()
        .zip(expected.lines())
        .find(|(got, wanted)| got != wanted);
    Err(format!("{name} ({}): {line:?}\n{report}", case.why))
}

fn said(name: &str, expect: &Expect, report: &str) -> Result<(), String> {
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    let rules = report["images"][0]["policies"]
        .as_array()
        .into_iter()
        .flatten();
    let rules = rules.flat_map(|policy| policy["rules"].as_array().into_iter().flatten());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let reasons: BTreeMap<String, String> = rules
        .filter(|rule| rule["code"].is_string())
        .map(|rule| (text(&rule["name"]), text(&rule["code"])))
        .collect();
    let effect = text(&report["effect"]);
    let statements = report["images"][0]["breakGlass"]["statements"].as_array();
    let break_glass: BTreeMap<String, String> = statements
        .into_iter()
        .flatten()
        .map(|one| (text(&one["id"]), text(&one["status"])))
        .collect();
    let wanted = (&expect.effect, &expect.reasons, &expect.break_glass);
    if (&effect, &reasons, &break_glass) == wanted {
        return Ok(());
    }
    Err(format!(
        "{name}: {effect} {reasons:?} {break_glass:?}, not {wanted:?}"
    ))
}

fn report(folder: &Path, case: &Case) -> String {
    let roots: Vec<ExtraRoot> = case
        .trust_roots
        .iter()
        .map(|(name, file)| ExtraRoot {
            name: Some(name.clone()),
            json: fs::read(file).unwrap(),
        })
        .collect();
    let files = PolicyFiles::open(&folder.join("policy.yaml")).unwrap();
    let loaded = files.load(&roots);
    let diagnostics: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render(files.sources(), false))
        .collect();
    let policies = loaded
        .policies
        .unwrap_or_else(|| panic!("{}", diagnostics.join("\n")));
    let mut image = Image::parse(&case.image).unwrap();
    if let Some(name) = &case.judged_as {
        image = image.judged_as(&ImageRef::parse(name).unwrap()).unwrap();
    }
    if let Some(namespace) = &case.namespace {
        image = image.in_namespace(Namespace::new(&namespace.name));
    }
    if !case.break_glass.is_empty() {
        let texts = case
            .break_glass
            .iter()
            .map(|it| fs::read_to_string(it).unwrap());
        let texts: Vec<String> = texts.collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        let bundles = lines.map(|line| line.as_bytes().to_vec()).collect();
        let approvals = Approvals::examine(bundles, policies.trust(), &Limits::default());
        image = image.with_break_glass(approvals.unwrap());
    }
    let at = UnixTime::parse(&case.at).unwrap();
    let decision = match case.registry.as_deref() {
        None => {
            let checker = Checker::new(policies);
            let decision = checker.check_blocking(&image, at).unwrap();
            let report = Report::new(std::slice::from_ref(&decision)).to_json();
            assert_eq!(
                replayed(&checker, &case.image, &report),
                report,
                "{}",
                case.why
            );
            decision
        }
        Some(word) => {
            assert_eq!(word, "unavailable");
            let gap = Gap {
                class: GapClass::Unavailable,
                code: ReasonCode::RegistryUnavailable,
                what: case.image.clone(),
                cause: "the case says so".to_owned(),
                hides: None,
            };
            let resolution = Resolution::Unresolved(&gap);
            let decision = decide(&policies, image.request(), resolution, at);
            let report = Report::new(std::slice::from_ref(&decision)).to_json();
            let checker = Checker::new(policies);
            assert_eq!(
                replayed(&checker, &case.image, &report),
                report,
                "{}",
                case.why
            );
            decision
        }
    };
    Report::new(&[decision]).to_json()
}

/// The same report again, from itself and the bytes of the layout.
fn replayed(checker: &Checker, image: &str, report: &str) -> String {
    let record = Report::from_json(report.as_bytes()).unwrap();
    assert_eq!(record.to_json(), report);
    let mut store = ReplayStore::default();
    let layout = LayoutRef::parse(image).ok();
    let layout = layout.map(|layout| OciLayout::open(&layout, &Limits::default()));
    if let Some(Ok(layout)) = layout {
        store = store.layout(layout);
    }
    let again = checker.replay(&record.images[0], &store);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    Report::new(&[runtime.block_on(again).unwrap()]).to_json()
}

fn case(folder: &Path) -> Case {
    let file = folder.join("case.json");
    serde_json::from_slice(&fs::read(&file).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn cases() -> Vec<String> {
    let cases = Path::new(TESTDATA).join("cases");
    let is_image = |name: &String| {
        let text = fs::read(cases.join(name).join("case.json")).unwrap();
        let case: serde_json::Value = serde_json::from_slice(&text).unwrap();
        case["artifact"].is_null()
    };
    let names = folders(&cases).into_iter();
    names.filter(is_image).collect()
}

fn folders(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "{}", path.display());
    names
}
