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

#[cfg(test)]
mod tests {
    use super::at;

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
}
