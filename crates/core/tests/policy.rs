//! Wrong policies as data: each `policy/cases/NAME.yaml` has beside it what is said about it, `NAME.txt`.
//!
//! A case is loaded together with `policy/base.yaml`, unless it begins with `# alone`; lines `# --trust-root [NAME=]FILE`
//! hand over roots, and a line `# --at TIME` asks for what is doubtful as of that time. `UPDATE_GOLDEN=1` writes the answers anew: read the difference before you commit it.
// The test reads its cases; core itself reads nothing.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_core::{
    Class, Deadline, DeadlineKind, Digest, ExtraRoot, Files, PolicySet, ReasonCode, RootOrigin,
    Severity, Source, TufMaterial, TufSource, UnixTime,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy")
}

struct CaseFiles;

impl Files for CaseFiles {
    fn read(&self, _from: &str, path: &str) -> Result<Vec<u8>, String> {
        fs::read(folder().join("files").join(path)).map_err(|_| "there is no such file".to_owned())
    }

    /// A cache that has something of some repositories, as of 2027-01-01.
    fn tuf(&self, source: &TufSource) -> Result<Option<TufMaterial>, String> {
        let day = |text: &str| UnixTime::parse(&format!("{text}T00:00:00Z")).unwrap();
        let material = |json: &str, expires: &str, warnings: &[&str]| TufMaterial {
            json: fs::read(folder().join("files").join(json)).unwrap(),
            expires: day(expires),
            read_at: day("2027-01-01"),
            warnings: warnings.iter().map(|it| (*it).to_owned()).collect(),
        };
        match source.url() {
            "https://stale.example" => Ok(Some(material(
                "root.json",
                "2026-12-20",
                &["its TUF timestamp metadata expired 2026-12-20T00:00:00Z"],
            ))),
            "https://gone.example" => Ok(Some(material("root.json", "2026-11-01", &[]))),
            "https://nonsense.example" => Ok(Some(material("broken.json", "2027-01-05", &[]))),
            "https://broken.example" => Err("what is cached does not verify".to_owned()),
            _ => Ok(None),
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    cases.sort();
    cases
}

fn extra_roots(text: &str) -> Vec<ExtraRoot> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# --trust-root "))
        .map(|argument| {
            let (name, file) = match argument.split_once('=') {
                Some((name, file)) => (Some(name.to_owned()), file),
                None => (None, argument),
            };
            let json = fs::read(folder().join("files").join(file)).unwrap();
            ExtraRoot { name, json }
        })
        .collect()
}

/// What is said about a case, and with which codes. The set exists exactly if no error is among it.
fn answer(path: &Path) -> (String, BTreeSet<ReasonCode>) {
    let text = fs::read_to_string(path).unwrap();
    let source = |name: &str, text: String| Source {
        name: name.to_owned(),
        text,
    };
    let mut sources = vec![source("case.yaml", text.clone())];
    if !text.starts_with("# alone") {
        sources.push(source(
            "base.yaml",
            fs::read_to_string(folder().join("base.yaml")).unwrap(),
        ));
    }
    let mut loaded = PolicySet::load(&sources, &CaseFiles, &extra_roots(&text));
    let errors = loaded
        .diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error);
    assert_eq!(loaded.policies.is_none(), errors, "{}", path.display());
    let at = text.lines().find_map(|line| line.strip_prefix("# --at "));
    if let (Some(policies), Some(at)) = (&loaded.policies, at) {
        let doubtful = policies.lint(UnixTime::parse(at).unwrap());
        loaded.diagnostics.extend(doubtful);
    }
    let rendered: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|one| one.render(&sources, false))
        .collect();
    let codes = loaded.diagnostics.iter().map(|one| one.code).collect();
    let answer = if rendered.is_empty() {
        "nothing to say\n".to_owned()
    } else {
        rendered.join("\n\n") + "\n"
    };
    (answer, codes)
}

#[test]
fn each_wrong_policy_is_answered_as_recorded() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let cases = cases();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let (answer, _) = answer(&case);
        let golden = case.with_extension("txt");
        if update {
            fs::write(&golden, &answer).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != answer {
            wrong.push(format!("{}:\n{answer}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_code_about_policies_has_a_case() {
    let seen: BTreeSet<ReasonCode> = cases().iter().flat_map(|case| answer(case).1).collect();
    let all = ReasonCode::ALL
        .iter()
        .filter(|code| code.class() == Class::Misconfigured);
    let unseen: Vec<&str> = all
        .filter(|code| !seen.contains(code))
        // There is no language of expressions here: `countersign/tests/cel.rs` shows it.
        .filter(|code| **code != ReasonCode::ExpressionInvalid)
        .map(|code| code.as_str())
        .collect();
    assert_eq!(unseen, Vec::<&str>::new());
}

#[test]
fn each_diagnostic_can_be_rendered_in_colour_and_points_into_its_text() {
    for case in cases() {
        let text = fs::read_to_string(&case).unwrap();
        let source = Source {
            name: "case.yaml".to_owned(),
            text,
        };
        let sources = [source];
        for diagnostic in PolicySet::load(&sources, &CaseFiles, &[]).diagnostics {
            assert!(diagnostic.render(&sources, true).contains('\u{1b}'));
            assert!(!diagnostic.hint.is_empty(), "{}", case.display());
            let Some(place) = &diagnostic.place else {
                continue;
            };
            let before = sources[0].text.get(..place.span.start).unwrap();
            assert_eq!(
                before.matches('\n').count() + 1,
                place.line,
                "{}: {diagnostic:?}",
                case.display()
            );
            let line = before.rsplit('\n').next().unwrap();
            assert_eq!(
                line.chars().count() + 1,
                place.column,
                "{}: {diagnostic:?}",
                case.display()
            );
            assert!(sources[0].text.get(place.span.clone()).is_some());
        }
    }
}

/// The built-in root gives way to what its TUF repository gave, and ages like any other then.
#[test]
fn public_good_comes_from_the_cache_once_it_is_there() {
    struct Cached;
    impl Files for Cached {
        fn read(&self, _from: &str, path: &str) -> Result<Vec<u8>, String> {
            Err(path.to_owned())
        }

        fn tuf(&self, source: &TufSource) -> Result<Option<TufMaterial>, String> {
            assert_eq!(source, &TufSource::public_good());
            let json = fs::read(folder().join("files/root.json")).unwrap();
            Ok(Some(TufMaterial {
                json,
                expires: UnixTime::from_seconds(1000),
                read_at: UnixTime::from_seconds(0),
                warnings: Vec::new(),
            }))
        }
    }
    let text = fs::read_to_string(folder().join("base.yaml")).unwrap();
    let source = Source {
        name: "base.yaml".to_owned(),
        text,
    };
    let loaded = PolicySet::load(&[source], &Cached, &[]);
    let policies = loaded.policies.unwrap();
    let json = fs::read(folder().join("files/root.json")).unwrap();
    let roots = policies.trust().roots();
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].name().fingerprint, Digest::of(&json));
    let origin = RootOrigin::Tuf {
        url: "https://tuf-repo-cdn.sigstore.dev".to_owned(),
        expires: UnixTime::from_seconds(1000),
        serves_until: UnixTime::from_seconds(1000 + 30 * 86_400),
    };
    assert_eq!(policies.root_origin("public-good"), Some(&origin));
    let ends = Deadline {
        kind: DeadlineKind::TrustRootEnds,
        name: "public-good".to_owned(),
        at: UnixTime::from_seconds(1000 + 30 * 86_400),
        place: None,
    };
    assert_eq!(policies.deadlines(), [ends]);
}
