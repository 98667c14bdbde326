//! `testdata/conformance/divergences.json`: where we and the oracle differ, and why.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::judge::Verdict;

/// The divergences of one suite.
pub(crate) struct Divergences {
    suite: String,
    classes: Vec<Class>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    divergences: Vec<Class>,
}

/// One kind of divergence.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    suite: String,
    /// What we do, and the oracle does not.
    we: We,
    reason: String,
    /// What the refusal says, one of these: our code (`we: refuse`), or a part of the oracle's message (`we: accept`).
    because: Vec<String>,
    /// Names; `*` stands for any characters but `/`.
    cases: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum We {
    Refuse,
    Accept,
}

impl Divergences {
    pub(crate) fn of(suite: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../testdata/conformance/divergences.json");
        let text = fs::read_to_string(path).unwrap();
        let file: File = serde_json::from_str(&text).unwrap();
        let all = file.divergences.into_iter();
        Self {
            suite: suite.to_owned(),
            classes: all.filter(|class| class.suite == suite).collect(),
        }
    }

    /// Fails for a divergence that is not listed; where the `whole` suite ran, also for a listed one that no case needs.
    ///
    /// A case by its whole name must need its entry. Of the patterns of a class one must be needed: whether a drawn change
    /// of a part is one that the oracle accepts depends on the keys and signatures, which are forged anew for each run.
    pub(crate) fn hold(&self, verdicts: &[Verdict], whole: bool) {
        let suite = &self.suite;
        let mut needed: Vec<Vec<bool>> = self
            .classes
            .iter()
            .map(|class| vec![false; class.cases.len()])
            .collect();
        let mut unlisted = Vec::new();
        for verdict in verdicts {
            let Some((we, why)) = divergence(verdict) else {
                continue;
            };
            let mut listed = false;
            for (class, needed) in self.classes.iter().zip(&mut needed) {
                assert!(
                    !class.reason.is_empty(),
                    "{suite}: a class without a reason"
                );
                if class.we != we || !class.fits(why) {
                    continue;
                }
                for (pattern, needed) in class.cases.iter().zip(needed) {
                    let fits = matches(pattern, &verdict.name);
                    listed |= fits;
                    *needed |= fits;
                }
            }
            if !listed {
                unlisted.push(format!("{}: we {we:?}: {why}", verdict.name));
            }
        }
        assert!(
            unlisted.is_empty(),
            "{suite}: {} divergences that are not in testdata/conformance/divergences.json:\n{}",
            unlisted.len(),
            unlisted.join("\n")
        );
        let stale: Vec<&str> = self
            .classes
            .iter()
            .zip(&needed)
            .flat_map(|(class, needed)| class.stale(needed))
            .collect();
        assert!(
            !whole || stale.is_empty(),
            "{suite}: listed in testdata/conformance/divergences.json, and no case needs it any more: {stale:#?}"
        );
    }
}

impl Class {
    /// The entries that should go, given which of them a case needed.
    fn stale<'c>(&'c self, needed: &'c [bool]) -> impl Iterator<Item = &'c str> {
        let is_pattern = |case: &str| case.contains('*');
        let cases = || self.cases.iter().map(String::as_str).zip(needed);
        let is_any_needed = cases().any(|(case, needed)| is_pattern(case) && *needed);
        cases()
            .filter(move |(case, needed)| !(**needed || is_any_needed && is_pattern(case)))
            .map(|(case, _)| case)
    }

    fn fits(&self, why: &str) -> bool {
        self.because.iter().any(|because| match self.we {
            We::Refuse => why.split(':').next() == Some(because),
            We::Accept => why.contains(because),
        })
    }
}

fn divergence(verdict: &Verdict) -> Option<(We, &str)> {
    match (&verdict.ours, verdict.oracle.as_ref()?) {
        (Err(why), Ok(())) => Some((We::Refuse, why)),
        (Ok(()), Err(why)) => Some((We::Accept, why)),
        (Ok(()), Ok(())) | (Err(_), Err(_)) => None,
    }
}

/// Part by part: `*` in a part stands for anything but `/`.
fn matches(pattern: &str, name: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('/'), name.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if part_matches(pattern, name) => (),
            _ => return false,
        }
    }
}

fn part_matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(head) else {
        return false;
    };
    let starts = (0..=rest.len()).filter(|at| rest.is_char_boundary(*at));
    starts.into_iter().any(|at| part_matches(tail, &rest[at..]))
}

#[test]
fn patterns_stay_within_a_part() {
    for (pattern, name, expected) in [
        ("a/b", "a/b", true),
        ("*/b", "a/b", true),
        ("*", "a/b", false),
        ("a*/*", "abc/x", true),
        ("a/*.c[*]/d", "a/b.c[3]/d", true),
        ("a/*.c[*]/d", "a/b.c/d", false),
        ("a/b", "a/b/c", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn what_is_not_listed_fails_and_so_does_what_is_not_needed() {
    let verdict = |name: &str, ours: Result<(), &str>, oracle: Result<(), &str>| Verdict {
        name: name.to_owned(),
        signed: false,
        ours: ours.map_err(str::to_owned),
        oracle: Some(oracle.map_err(str::to_owned)),
    };
    let lists = |because: &str, cases: &[&str]| Divergences {
        suite: "test".to_owned(),
        classes: vec![Class {
            suite: "test".to_owned(),
            we: We::Refuse,
            reason: "because".to_owned(),
            because: vec![because.to_owned()],
            cases: cases.iter().map(|case| (*case).to_owned()).collect(),
        }],
    };
    let list = |because: &str, case: &str| lists(because, &[case]);
    let holds = |list: &Divergences, verdict: Verdict, whole: bool| {
        std::panic::catch_unwind(|| list.hold(&[verdict], whole)).is_ok()
    };
    let stricter = || verdict("a/b", Err("over-limit: 33 entries"), Ok(()));
    assert!(holds(&list("over-limit", "a/*"), stricter(), true));
    assert!(!holds(&list("over-limit", "a/c"), stricter(), false));
    assert!(!holds(&list("bundle-malformed", "a/b"), stricter(), false));
    let laxer = || verdict("a/b", Ok(()), Err("over-limit"));
    assert!(!holds(&list("over-limit", "a/b"), laxer(), false));
    let alike = || verdict("a/b", Ok(()), Ok(()));
    assert!(holds(&list("over-limit", "a/b"), alike(), false));
    assert!(!holds(&list("over-limit", "a/b"), alike(), true));

    for (cases, is_held) in [
        (["a/*", "c/*"], true),
        (["a/*", "c/d"], false),
        (["a/b", "c/*"], false),
        (["c/*", "d/*"], false),
    ] {
        let is_right = lists("over-limit", &cases);
        let verdict = if cases.contains(&"d/*") {
            alike()
        } else {
            stricter()
        };
        assert_eq!(holds(&is_right, verdict, true), is_held, "{cases:?}");
    }
}
