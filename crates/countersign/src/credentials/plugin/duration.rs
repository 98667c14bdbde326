//! Go's durations: `12h`, `1h30m`, `1.5s`, `0`.

use std::time::Duration;

/// A sign, then numbers with units, or `0`. Below zero is zero: kept for no time.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = after
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let nanos = amount(number)? * unit_nanos(unit)?;
        sum = sum.checked_add(Duration::try_from_secs_f64(nanos / 1e9).ok()?)?;
        rest = after;
    }
    Some(if is_negative { Duration::ZERO } else { sum })
}

fn amount(number: &str) -> Option<f64> {
    let has_digit = number.bytes().any(|byte| byte.is_ascii_digit());
    has_digit.then(|| number.parse().ok()).flatten()
}

fn unit_nanos(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_reads_them() {
        for (text, millis) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("12h", Some(43_200_000)),
            ("12h0m0s", Some(43_200_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            (".5s", Some(500)),
            ("1.s", Some(1000)),
            ("+5m", Some(300_000)),
            ("300ms", Some(300)),
            ("1500us", Some(1)),
            ("1500µs", Some(1)),
            ("-5m", Some(0)),
            ("", None),
            ("-", None),
            ("5", None),
            ("s", None),
            (".s", None),
            ("1.2.3s", None),
            ("5 m", None),
            ("5d", None),
            ("m5", None),
            ("1e3s", None),
            ("99999999999999999999999999h", None),
        ] {
            let read = parse(text).map(|duration| duration.as_millis());
            assert_eq!(read, millis, "{text}");
        }
    }
}
