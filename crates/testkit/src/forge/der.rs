//! A writer of DER (X.690), small enough to make what a proper library would refuse to make, and a reader of what sound clients send.

/// `tag`, the length in its shortest form, `content`.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> = length
                .to_be_bytes()
                .into_iter()
                .skip_while(|byte| *byte == 0)
                .collect();
            out.push(0x80 | u8::try_from(bytes.len()).expect("a length has at most eight bytes"));
            out.extend(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A SET OF: DER wants its members in ascending order (X.690, 11.6).
pub(crate) fn set_of(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &sorted(parts))
}

/// The members of a SET OF in their order, without tag and length.
pub(crate) fn sorted(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort();
    parts.concat()
}

/// `[number] EXPLICIT`, or `[number] IMPLICIT` of something constructed whose own tag was left out.
pub(crate) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// `[number] IMPLICIT` of something primitive.
pub(crate) fn context_primitive(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | number, content)
}

pub(crate) fn integer(value: u8) -> Vec<u8> {
    unsigned(&[value])
}

/// A non-negative INTEGER from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let first = bytes
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(bytes.len());
    let mut content = bytes[first..].to_vec();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    tlv(2, &content)
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(1, &[if value { 0xff } else { 0 }])
}

pub(crate) fn null() -> Vec<u8> {
    tlv(5, &[])
}

pub(crate) fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(4, bytes)
}

/// A BIT STRING of whole bytes.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(3, &[&[0], bytes].concat())
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

pub(crate) fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

/// An object identifier in dotted form.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted
        .split('.')
        .map(|arc| arc.parse().expect("object identifiers are numbers"))
        .collect();
    let mut content = base128(arcs[0] * 40 + arcs[1]);
    for arc in &arcs[2..] {
        content.extend(base128(*arc));
    }
    tlv(6, &content)
}

/// A time in seconds since 1970 as X.509 wants it: UTCTime before 2050, GeneralizedTime from then on (RFC 5280, 4.1.2.5).
pub(crate) fn time(seconds: i64) -> Vec<u8> {
    const YEAR_2050: i64 = 2_524_608_000;
    if seconds < YEAR_2050 {
        tlv(0x17, digits(seconds, "%y%m%d%H%M%SZ").as_bytes())
    } else {
        generalized(seconds)
    }
}

pub(crate) fn generalized(seconds: i64) -> Vec<u8> {
    tlv(0x18, digits(seconds, "%Y%m%d%H%M%SZ").as_bytes())
}

/// `-----BEGIN label-----` around base64 of `der`.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn digits(seconds: i64, format: &str) -> String {
    let timestamp =
        jiff::Timestamp::from_second(seconds).expect("tests use times within the calendar");
    timestamp.strftime(format).to_string()
}

fn base128(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).expect("seven bits");
        out.insert(0, if out.is_empty() { byte } else { byte | 0x80 });
        value >>= 7;
        if value == 0 {
            return out;
        }
    }
}

/// The values that follow one another in `der`: each whole, and its content. Nothing if it is no DER.
pub(crate) fn values(mut der: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut values = Vec::new();
    while !der.is_empty() {
        let (head, length) = match *der.get(1)? {
            short @ ..0x80 => (2, usize::from(short)),
            bytes => {
                let bytes = usize::from(bytes & 0x7f);
                let digits = der.get(2..2 + bytes)?.iter();
                let length = digits.fold(0, |sum, digit| sum << 8 | usize::from(*digit));
                (2 + bytes, length)
            }
        };
        let whole = der.get(..head + length)?;
        values.push((whole, &whole[head..]));
        der = &der[whole.len()..];
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(tlv(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(tlv(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn object_identifiers_times_and_integers() {
        assert_eq!(
            oid("1.3.6.1.4.1.57264.1.8"),
            [6, 10, 0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, 8]
        );
        assert_eq!(time(0), b"\x17\x0d700101000000Z");
        assert_eq!(time(2_524_608_000), b"\x18\x0f20500101000000Z");
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(0), [2, 1, 0]);
    }
}
