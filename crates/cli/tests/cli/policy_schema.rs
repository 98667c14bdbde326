//! `policy schema` prints what `docs/` has.

use crate::run::output;

#[test]
fn the_schema_is_the_committed_one() {
    let printed = output(&["policy", "schema"]);
    assert_eq!(printed.status.code(), Some(0));
    let committed = include_str!("../../../../docs/policy.schema.json");
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), committed);
}
