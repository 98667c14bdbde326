//! `policy deadlines`: what ends or begins by itself, for people, programs and Prometheus.

use insta::assert_snapshot;

use crate::run::transcript;

const POLICY: &str = "crates/cli/tests/cli/policies/deadlines.yaml";

fn deadlines(at: &str, format: &str) -> String {
    transcript(&[
        "policy",
        "deadlines",
        POLICY,
        "--at",
        at,
        "--format",
        format,
    ])
}

#[test]
fn what_ends_or_begins_is_told_in_days() {
    assert_snapshot!("deadlines-text", deadlines("2026-12-02T00:00:00Z", "text"));
    assert_snapshot!(
        "deadlines-last-day",
        deadlines("2026-12-31T12:00:00Z", "text")
    );
    assert_snapshot!("deadlines-over", deadlines("2027-01-02T00:00:00Z", "text"));
    assert_snapshot!("deadlines-json", deadlines("2026-12-02T00:00:00Z", "json"));
}

#[test]
fn a_metric_holds_the_time_itself_so_that_alerts_choose_how_long_before() {
    let early = deadlines("2026-01-01T00:00:00Z", "openmetrics");
    assert_snapshot!("deadlines-openmetrics", early);
    // 2027-01-01T00:00:00Z, whatever the clock says.
    let metric = "countersign_policy_deadline_timestamp_seconds{kind=\"exception-ends\",name=\"log4j-waiver\"} 1798761600";
    assert!(early.contains(metric), "{early}");
    let body = |text: &str| {
        text.split_once('\n')
            .map(|(_, body)| body.to_owned())
            .unwrap()
    };
    let late = deadlines("2027-06-01T00:00:00Z", "openmetrics");
    assert_eq!(body(&late), body(&early));
}

#[test]
fn without_deadlines_it_says_so_and_a_policy_that_does_not_load_has_none() {
    let of = |path: &str, format: &str| {
        transcript(&[
            "policy",
            "deadlines",
            path,
            "--at",
            "2026-12-02T00:00:00Z",
            "--format",
            format,
        ])
    };
    assert_snapshot!("deadlines-none", of("policies/testdata-keyed.yaml", "text"));
    assert_snapshot!(
        "deadlines-broken",
        of("crates/cli/tests/cli/policies/wrong.yaml", "openmetrics")
    );
}
