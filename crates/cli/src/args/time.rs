//! Times as they are typed.

use countersign_core::UnixTime;

const DAY: i64 = 86_400;

/// `--at TIME`: RFC 3339.
///
/// # Errors
/// What to write instead. A date alone is no point in time: policies read one as the day's beginning where something begins, and as
/// its end where something ends, and a verdict may differ between the two.
pub(crate) fn at(text: &str) -> Result<UnixTime, String> {
    UnixTime::parse(text).map_err(
        |error| match UnixTime::parse(&format!("{text}T00:00:00Z")) {
            Ok(begin) => format!(
                "`{text}` is a whole day; write {begin} for its beginning, or {} for its end",
                begin.plus(DAY)
            ),
            Err(_) => error.to_string(),
        },
    )
}

/// A span of time in seconds: a number and one unit, as in policies.
///
/// # Errors
/// What to write instead.
pub(crate) fn span(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no span of time; write a number and one unit: 90m or 4h");
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        _ => return Err(wrong()),
    };
    let is_number = (1..=6).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    let number: i64 = digits
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or_else(wrong)?;
    (number > 0).then(|| number * unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::{at, span};

    #[test]
    fn a_date_alone_is_refused_with_what_to_write() {
        let at = |text: &str| at(text).map(|time| time.to_string());
        assert_eq!(
            at("2027-06-01T00:00:00Z").as_deref(),
            Ok("2027-06-01T00:00:00Z")
        );
        assert_eq!(
            at("2027-06-01T02:00:00+02:00").as_deref(),
            Ok("2027-06-01T00:00:00Z")
        );
        let wrong = |text: &str| at(text).err().unwrap_or_default();
        let date = wrong("2027-12-31");
        for part in ["whole day", "2027-12-31T00:00:00Z", "2028-01-01T00:00:00Z"] {
            assert!(date.contains(part), "{date}");
        }
        for text in [
            "",
            "tomorrow",
            "2027-02-30",
            "2027-06-01 ",
            "2027-06-01T",
            "2027",
        ] {
            assert!(wrong(text).contains("is not a time"), "{text}");
        }
    }

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        assert_eq!(span("90m"), Ok(5400));
        assert_eq!(span("4h"), Ok(14_400));
        assert_eq!(span("1d"), Ok(86_400));
        for text in [
            "", "h", "4", "0h", "-1h", "+1h", "4 h", "1h30m", "1.5h", "1ä", "9999999s",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
