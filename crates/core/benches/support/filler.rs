//! JSON values and DER of a given size.

/// A JSON value without bounds.
#[derive(Clone, Debug)]
pub(crate) enum Filler {
    /// A string of these characters, again and again.
    Text(&'static str),
    /// An array of this, again and again.
    Array(String),
    /// An object of keys that all differ, each with this value.
    Keys(&'static str),
    /// Such keys in no order.
    Shuffled,
    /// Such keys that differ only behind 56 bytes.
    LongKeys,
    /// Such keys, written with escapes.
    EscapedKeys,
    /// Such keys, then the first one again.
    Twins,
    /// An array of objects with so many such keys each.
    Objects(usize),
    /// The same, in no order.
    ShuffledObjects(usize),
    /// Such keys in objects within objects.
    Nests,
    /// Two keys that fill all of it.
    TwoKeys,
    /// Arrays in arrays.
    Deep,
    /// A number.
    Digits(&'static str),
    /// White space before a zero.
    Spaces,
}

impl Filler {
    /// For tables.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Array(unit) => format!("array of {unit}"),
            Self::Text(unit) => format!("string of {unit}"),
            Self::Keys(value) => format!("keys of {value}"),
            other => format!("{other:?}"),
        }
    }

    /// At most `size` bytes, and nearly as many.
    pub(crate) fn fill(&self, size: usize) -> Vec<u8> {
        let between = |open: &str, unit: &str, close: &str| {
            let count = (size - open.len() - close.len()) / unit.len();
            [
                open.as_bytes(),
                &unit.as_bytes().repeat(count),
                close.as_bytes(),
            ]
            .concat()
        };
        match self {
            Self::Text(unit) => between("\"", unit, "\""),
            Self::Array(unit) => between(&format!("[{unit}"), &format!(",{unit}"), "]"),
            Self::Digits(head) => between(head, "1", ""),
            Self::Spaces => between("", " ", "0"),
            Self::Deep => {
                let open = size / 2;
                [b"[".repeat(open), b"]".repeat(open)].concat()
            }
            Self::Keys(value) => object(size, value, &|number| key(number), ""),
            Self::Objects(keys) => objects(size, *keys, &key),
            Self::ShuffledObjects(keys) => objects(size, *keys, &|number| {
                key(number.wrapping_mul(7_368_787) % (1 << 17))
            }),
            Self::Shuffled => object(
                size,
                "0",
                &|number| key(number.wrapping_mul(7_368_787) % (1 << 24)),
                "",
            ),
            Self::LongKeys => object(
                size,
                "0",
                &|number| format!("{}{}", "k".repeat(56), key(number)),
                "",
            ),
            Self::EscapedKeys => object(
                size,
                "0",
                &|number| key(number).replace('a', r"\u0061") + r"\n",
                "",
            ),
            Self::Twins => object(size, "0", &|number| key(number), r#","a":0"#),
            Self::TwoKeys => {
                let long = "k".repeat(size / 2 - 16);
                format!(r#"{{"{long}a":0,"{long}b":0}}"#).into_bytes()
            }
            Self::Nests => {
                const LEVELS: usize = 50;
                let mut out = Vec::with_capacity(size);
                for _ in 0..LEVELS {
                    out.extend(object(
                        (size - 1024) / LEVELS,
                        "0",
                        &|number| key(number),
                        "",
                    ));
                    out.pop();
                    out.extend_from_slice(br#","/":"#);
                }
                out.push(b'0');
                out.extend_from_slice(&b"}".repeat(LEVELS));
                out
            }
        }
    }
}

/// An object of as many members as fit, and `last`.
fn object(size: usize, value: &str, key: &dyn Fn(usize) -> String, last: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(size);
    for number in 0.. {
        let member = format!(
            r#"{}"{}":{value}"#,
            if number == 0 { '{' } else { ',' },
            key(number)
        );
        if out.len() + member.len() + last.len() + 1 > size {
            break;
        }
        out.extend_from_slice(member.as_bytes());
    }
    out.extend_from_slice(last.as_bytes());
    out.push(b'}');
    out
}

/// An array of as many objects of so many keys as fit, the last one with fewer.
fn objects(size: usize, keys: usize, key: &dyn Fn(usize) -> String) -> Vec<u8> {
    let mut out = vec![b'['];
    for number in 0.. {
        let open = if number % keys == 0 { '{' } else { ',' };
        let member = format!(r#"{open}"{}":0"#, key(number % keys));
        if out.len() + member.len() + 3 > size {
            break;
        }
        if number % keys == 0 && number > 0 {
            out.extend_from_slice(b"},");
        }
        out.extend_from_slice(member.as_bytes());
    }
    out.extend_from_slice(b"}]");
    out
}

/// The shortest keys that all differ: `a`, `b`, …, `ab`, …
fn key(mut number: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut key = String::new();
    loop {
        key.push(char::from(LETTERS[number % LETTERS.len()]));
        number /= LETTERS.len();
        if number == 0 {
            return key;
        }
        number -= 1;
    }
}

/// SEQUENCE in SEQUENCE in SEQUENCE.
pub(crate) fn deep_der(size: usize) -> Vec<u8> {
    // From the inside out, so backwards.
    let mut out = Vec::with_capacity(size);
    while out.len() + 6 < size {
        let length = u32::try_from(out.len()).unwrap().to_be_bytes();
        match out.len() {
            0..0x80 => out.extend_from_slice(&[length[3], 0x30]),
            0x80..0x1_0000 => out.extend_from_slice(&[length[3], length[2], 0x82, 0x30]),
            _ => out.extend_from_slice(&[length[3], length[2], length[1], length[0], 0x84, 0x30]),
        }
    }
    out.reverse();
    out
}
