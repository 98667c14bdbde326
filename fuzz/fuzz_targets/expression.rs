#![no_main]
//! A CEL source and, behind a NUL, what it looks at: it ends, with the same answer twice.
use countersign_core::{ExpressionFailure, ExpressionInput, Expressions as _};
use countersign_fuzz::expressions::Cel;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (source, predicate) = text.split_once('\0').unwrap_or((text, r#"{"list": [1, "a", {"b": 2.5}], "text": "x"}"#));
    let input = ExpressionInput { predicate_type: "x", predicate: predicate.as_bytes(), signed_at: None };
    let asked = || Cel::new().compile(source).map(|expression| expression.holds(&input));
    let answer = asked();
    let (Ok(Err(ExpressionFailure::Untold(why))) | Err(why)) = &answer else { return assert_eq!(answer, asked()) };
    assert!(!why.contains("did not end in time") && !why.contains("ended the thread"), "{why}");
});
