//! `policy lint --at`: what is over, or soon will be, as of a time.

use insta::assert_snapshot;

use crate::run::transcript;

#[test]
fn what_is_over_is_told_as_of_a_time() {
    let lint = |at: &str| {
        let over = "crates/cli/tests/cli/policies/over.yaml";
        transcript(&["policy", "lint", over, "--at", at])
    };
    assert_snapshot!("lint-before", lint("2026-05-01T00:00:00Z"));
    assert_snapshot!("lint-soon", lint("2027-01-15T00:00:00Z"));
    assert_snapshot!("lint-over", lint("2027-02-15T00:00:00Z"));
}
