#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

const ALL: [Ecosystem; 8] = [
    Ecosystem::Semver,
    Ecosystem::Go,
    Ecosystem::Debian,
    Ecosystem::Rpm,
    Ecosystem::Apk,
    Ecosystem::Pep440,
    Ecosystem::Maven,
    Ecosystem::Gem,
];

fn order(ecosystem: Ecosystem, one: &str, other: &str) -> Ordering {
    let parse = |text| {
        Version::parse(ecosystem, text).unwrap_or_else(|| panic!("{text} of {}", ecosystem.name()))
    };
    parse(one).compare(&parse(other)).unwrap()
}

/// Each line is older than the next; versions in a line are equal.
fn check(ecosystem: Ecosystem, lines: &str) {
    let lines: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for (at, line) in lines.iter().enumerate() {
        for (other_at, other_line) in lines.iter().enumerate() {
            for one in line {
                for other in other_line {
                    assert_eq!(
                        order(ecosystem, one, other),
                        at.cmp(&other_at),
                        "{one} and {other} of {}",
                        ecosystem.name()
                    );
                }
            }
        }
    }
}

#[test]
fn semantic_versions() {
    check(
        Ecosystem::Semver,
        "0.9.9\n1.0.0-alpha\n1.0.0-alpha.1\n1.0.0-alpha.beta\n1.0.0-beta\n1.0.0-beta.2\n1.0.0-beta.11\n1.0.0-rc.1\n\
         1.0.0 v1.0.0 1 1.0 1.0.0+build\n1.0.1\n1.2.0\n1.10.0\n10.0.0",
    );
    check(
        Ecosystem::Go,
        "v0.0.0-20190308221718-c2843e01d9a2\nv0.0.0-20210101000000-aaaaaaaaaaaa\nv0.37.0\ngo1.22.3 v1.22.3 1.22.3\n\
         v2.0.0+incompatible v2.0.0",
    );
}

#[test]
fn debian_versions() {
    check(
        Ecosystem::Debian,
        "0~~\n0~~a\n0~\n0\n1.0~beta1~svn1245\n1.0~beta1\n1.0 1.0-0 0:1.0 1.00\n1.0-1~bpo1\n1.0-1\n1.0-1+b1\n1.0-1.1\n1.0-2\n1.0-10\n\
         1.0a\n1.0+dfsg-1\n1.0.1\n1.1\n1.10-1\n7.88.1-10+deb12u5\n7.88.1-10+deb12u12\n1:0.1\n2:0.0.1",
    );
}

#[test]
fn rpm_versions() {
    // Without a release, any release will do: each line has one.
    check(
        Ecosystem::Rpm,
        "1.0~rc1-1\n1.0~rc1^git1-1\n1.0-0.1\n1.0-1 1..0-1 1_0-1\n1.0-1.el9\n1.0-2\n1.0-10\n1.0^20160101-1\n1.0^20160102-1\n1.0a-1\n\
         1.0.a-9\n1.0.1-1 1.0.01-1\n1.10-1\n2.0.1-1\n20101122-1\n1:0.1-1\n10:0.1-1",
    );
    assert_eq!(
        order(Ecosystem::Rpm, "1.2.3", "1.2.3-5.el9"),
        Ordering::Equal
    );
    assert_eq!(
        order(Ecosystem::Rpm, "1.2.4", "1.2.3-5.el9"),
        Ordering::Greater
    );
}

#[test]
fn apk_versions() {
    check(
        Ecosystem::Apk,
        "0.9\n1.01\n1.2_alpha\n1.2_alpha1\n1.2_beta2\n1.2_pre\n1.2_rc1\n1.2_rc2-r9\n1.2\n1.2-r0\n1.2-r1\n1.2-r10\n1.2_git20240101\n1.2_p\n\
         1.2_p-r1\n1.2_p1\n1.2_p2\n1.2a\n1.2b\n1.2.0\n1.2.1\n1.10\n2",
    );
}

#[test]
fn python_versions() {
    check(
        Ecosystem::Pep440,
        "1.0.dev456\n1.0a1\n1.0a2.dev456\n1.0a12\n1.0b1\n1.0rc1 1.0c1\n1.0 1.0.0 v1.0\n1.0+abc.5\n1.0.post456\n1.1.dev1\n1.10\n1!0.1",
    );
}

#[test]
fn maven_versions() {
    check(
        Ecosystem::Maven,
        "1-alpha-1 1-a1 1.0.alpha1\n1-alpha-2\n1-beta-1 1b1\n1-milestone-1 1-m1\n1-rc-1 1.0-CR1 1.0.RC1\n1.0-rc-2\n1.0-SNAPSHOT 1-snapshot\n\
         1 1.0 1.0.0 1-ga 1.0-FINAL 1.release 1-0 1_0\n1-sp\n1-sp-1\n1-abc\n1-foo 1.foo\n1-1\n1-2\n1.0.1\n1.1-alpha\n1.1\n1.2\n1.10\n2.17.0\n2.17.1\n31.1-android\n31.1-jre",
    );
}

#[test]
fn ruby_versions() {
    check(
        Ecosystem::Gem,
        "0.9\n1.0.0.alpha\n1.0.0.beta1\n1.0.0.beta2\n1.0.0-1 1.0.0.pre.1\n1.0.0.rc1\n1 1.0 1.0.0\n1.0.1\n1.2\n1.10",
    );
}

#[test]
fn what_is_no_version_is_not_compared() {
    for ecosystem in ALL {
        let long = "1".repeat(MOST_BYTES + 1);
        for text in [
            "", " ", "latest", "unknown", "(devel)", "1 2", "ä1", "1\u{661}", "<1", &long,
        ] {
            assert!(
                Version::parse(ecosystem, text).is_none(),
                "{text} of {}",
                ecosystem.name()
            );
        }
    }
    assert!(Version::parse(Ecosystem::Semver, "1.2.3.4").is_none());
    assert!(Version::parse(Ecosystem::Debian, "x:1").is_none());
    assert!(Version::parse(Ecosystem::Apk, "1.2_foo").is_none());
    let one = Version::parse(Ecosystem::Semver, "1").unwrap();
    let other = Version::parse(Ecosystem::Maven, "1").unwrap();
    assert_eq!(one.compare(&other), None);
}

proptest! {
    /// A total order, of anything that looks like a version (RPM's with a release).
    #[test]
    fn versions_are_ordered(texts in proptest::collection::vec("[0-9]{1,3}([.~^_+-]?(0|1|9|10|a|rc|sp|alpha|_p|-r1)){0,5}", 3)) {
        for ecosystem in ALL {
            let parse = |text: &String| {
                let text = match ecosystem {
                    Ecosystem::Rpm => format!("{}-1", text.replace('-', ".")),
                    _ => text.clone(),
                };
                Version::parse(ecosystem, &text)
            };
            let versions: Option<Vec<Version>> = texts.iter().map(parse).collect();
            let Some(versions) = versions else { continue };
            let [a, b, c] = &versions[..] else { unreachable!() };
            let name = ecosystem.name();
            prop_assert_eq!(a.compare(a), Some(Ordering::Equal), "{}", name);
            prop_assert_eq!(a.compare(b), b.compare(a).map(Ordering::reverse), "{}", name);
            if a.compare(b) != Some(Ordering::Greater) && b.compare(c) != Some(Ordering::Greater) {
                prop_assert_ne!(a.compare(c), Some(Ordering::Greater), "{}", name);
            }
        }
    }

    /// dpkg's rules as another implementation has them; it takes a missing number for less than a zero.
    #[test]
    fn debian_is_as_debversion(one in "[0-9]{1,2}([.~+][0-9a-z]?[0-9]){0,3}(-[0-9]{1,2})?", other in "[0-9]{1,2}([.~+][0-9a-z]?[0-9]){0,3}(-[0-9]{1,2})?") {
        let theirs = |text: &str| text.parse::<debversion::Version>().unwrap();
        prop_assert_eq!(order(Ecosystem::Debian, &one, &other), theirs(&one).cmp(&theirs(&other)));
    }

    #[test]
    fn nothing_panics(text in any::<String>(), ascii in "[ -~]{0,40}") {
        for ecosystem in ALL {
            drop(Version::parse(ecosystem, &text));
            drop(Version::parse(ecosystem, &ascii));
        }
    }
}
