//! The scanner against serde_json, and its bounds.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    depth: 16,
    keys: 1000,
    escapes: 100,
};

#[test]
fn members_are_the_outermost_objects() {
    let text = br#" {"a" : {"x": [1, "}"]}, "\u0062":-1.5e3 ,"c":""} "#;
    let members = scan(text, BOUNDS).unwrap();
    let members: Vec<(&str, &str)> = members
        .iter()
        .map(|(name, value)| (name.as_ref(), std::str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(
        members,
        [("a", r#"{"x": [1, "}"]}"#), ("b", "-1.5e3"), ("c", r#""""#)]
    );
    assert!(scan(br#"[{"a": 1}]"#, BOUNDS).unwrap().is_empty());
}

#[test]
fn twins_are_found_in_small_and_large_objects() {
    let object = |keys: usize, twin: &str| {
        let mut text = String::from("{");
        for key in 0..keys {
            text.push_str(&format!("\"k{key}\":{key},"));
        }
        format!("{text}\"{twin}\":0}}")
    };
    for keys in [1, 15, 16, 17, 40, 900] {
        assert!(scan(object(keys, "x").as_bytes(), BOUNDS).is_ok(), "{keys}");
        for twin in ["k0".to_owned(), format!("k{}", keys - 1), r"\u006b0".into()] {
            let error = scan(object(keys, &twin).as_bytes(), BOUNDS).unwrap_err();
            assert!(error.to_string().starts_with("duplicate key"), "{error}");
        }
        // the same name in an object within is no twin
        let nested = object(keys, "x").replace(":0}", r#":{"k0":1}}"#);
        assert!(scan(nested.as_bytes(), BOUNDS).is_ok());
    }
}

/// Keys are told apart by a number first, which these have in common.
#[test]
fn keys_with_one_print_are_told_apart() {
    let key = |middle: &str| format!("aaaaaaaa{middle}zzzzzzzz");
    let prints = |text: &str| print(text.as_bytes(), 0, text.len());
    assert_eq!(prints(&key("m")), prints(&key("n")));
    for (lengths, count) in [(1, 2), (8, 2), (3, 15), (3, 40)] {
        let keys = (0..count).map(|number| key(&format!("{number:0lengths$}")));
        let members: Vec<String> = keys.map(|key| format!("\"{key}\":0")).collect();
        let object = |more: &str| format!("{{{}{more}}}", members.join(","));
        assert!(scan(object("").as_bytes(), BOUNDS).is_ok(), "{count}");
        for member in [&members[0], members.last().unwrap()] {
            for twin in [member.clone(), member.replacen('a', r"\u0061", 1)] {
                let error = scan(object(&format!(",{twin}")).as_bytes(), BOUNDS).unwrap_err();
                assert!(error.to_string().starts_with("duplicate key"), "{error}");
            }
        }
    }
    // Of every length: the print of a key is its own.
    for length in 0..40 {
        let text = "abcdefgh".repeat(5)[..length].to_owned();
        let object = format!("{{\"{text}\":0,\"{text}\":1}}");
        assert!(scan(object.as_bytes(), BOUNDS).is_err(), "{length}");
        for other in [format!("{text}a"), format!("z{text}")] {
            let object = format!("{{\"{text}\":0,\"{other}\":1}}");
            assert!(scan(object.as_bytes(), BOUNDS).is_ok(), "{length}");
        }
    }
}

#[test]
fn bounds_hold() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(deep(16).as_bytes(), BOUNDS).is_ok());
    assert!(
        scan(deep(17).as_bytes(), BOUNDS)
            .unwrap_err()
            .is_over_limit()
    );
    let everything = Bounds {
        depth: usize::MAX,
        keys: usize::MAX,
        escapes: usize::MAX,
    };
    assert!(scan(deep(128).as_bytes(), everything).is_ok());
    assert!(scan(deep(100_000).as_bytes(), everything).is_err());
    let escapes = |count: usize| format!("[\"{}\"]", r"\n".repeat(count));
    assert!(scan(escapes(100).as_bytes(), BOUNDS).is_ok());
    assert!(
        scan(escapes(101).as_bytes(), BOUNDS)
            .unwrap_err()
            .is_over_limit()
    );
    let many: Vec<String> = (0..1001).map(|_| r#"{"a":1}"#.to_owned()).collect();
    let list = format!("[{}]", many.join(","));
    assert!(scan(list.as_bytes(), BOUNDS).unwrap_err().is_over_limit());
    // keys of an object within count too while the outer one is open, and no longer
    let half: Vec<String> = (0..OPEN_KEYS / 2)
        .map(|key| format!("\"{key}\":1"))
        .collect();
    let half = half.join(",");
    let nested = format!("{{{half},\"x\":{{{half}}}}}");
    assert!(
        scan(nested.as_bytes(), everything)
            .unwrap_err()
            .is_over_limit()
    );
    let beside = format!("[{{{half}}},{{{half}}},{{{half}}}]");
    assert!(scan(beside.as_bytes(), everything).is_ok());
    let wide: Vec<String> = (0..=OPEN_KEYS).map(|key| format!("\"{key}\":1")).collect();
    let wide = format!("{{{}}}", wide.join(","));
    assert!(
        scan(wide.as_bytes(), everything)
            .unwrap_err()
            .is_over_limit()
    );
}

#[test]
fn the_end_of_a_plain_stretch_is_exact() {
    for stop in [b'"', b'\\', 0, 0x1f] {
        for at in 0..24 {
            for filler in [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f] {
                let mut text = vec![filler; 24];
                text[at] = stop;
                assert_eq!(plain(&text), at, "{stop} {at} {filler}");
            }
        }
    }
    assert_eq!(plain("ÿ€😀ÿ€😀".as_bytes()), "ÿ€😀ÿ€😀".len());
}

proptest! {
    /// The scanner's grammar is serde_json's, but that twins are refused.
    #[test]
    fn grammar_is_serde_jsons(text in r#"[\[\]{}",:0-9a-e\\ntrufls .+\-]{0,24}"#) {
        agrees(&text)?;
    }

    #[test]
    fn mutated_documents_are_judged_alike(at in 0_usize..60, byte in any::<u8>()) {
        let mut bytes = br#"{"a":[1,-2.5e+3,true,null,"x\n\u00e9"],"b":{"c":{},"d":[]}} "#.to_vec();
        if let Some(slot) = bytes.get_mut(at) {
            *slot = byte;
        }
        if let Ok(text) = String::from_utf8(bytes) {
            agrees(&text)?;
        }
    }
}

fn agrees(text: &str) -> Result<(), TestCaseError> {
    let ours = scan(text.as_bytes(), BOUNDS);
    let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text);
    match ours {
        Ok(_) => prop_assert!(theirs.is_ok(), "{text}"),
        Err(error) if error.to_string().starts_with("duplicate") || error.is_over_limit() => {}
        Err(error) => prop_assert!(theirs.is_err(), "{text}: {error}"),
    }
    Ok(())
}
