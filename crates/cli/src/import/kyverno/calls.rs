//! The forms of validations whose meaning is plain: how many attestors have to have signed, or attested, each image.
//!
//! Anything else in CEL is not guessed at.

/// What a validation asks of each image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call<'a> {
    /// The attestation by its name; a signature, if there is none.
    pub(super) attestation: Option<&'a str>,
    pub(super) attestors: Vec<&'a str>,
    /// Whether each attestor is needed; else one is enough.
    pub(super) all: bool,
}

/// Reads `images.X.map(i, verifyImageSignatures(i, [attestors.a, …])).all(n, n > 0)`, and the same of
/// `verifyAttestationSignatures(i, attestations.b, […])`. The text has no blanks any more.
pub(super) fn read(text: &str) -> Option<Call<'_>> {
    let (images, rest) = text.split_once(".map(")?;
    if !are_images(images) {
        return None;
    }
    let (item, rest) = word(rest)?;
    let rest = rest.strip_prefix(',')?;
    let (function, rest) = word(rest)?;
    let rest = rest
        .strip_prefix('(')?
        .strip_prefix(item)?
        .strip_prefix(',')?;
    let (attestation, rest) = match function {
        "verifyImageSignatures" => (None, rest),
        "verifyAttestationSignatures" => {
            let (name, rest) = word(rest.strip_prefix("attestations.")?)?;
            (Some(name), rest.strip_prefix(',')?)
        }
        _ => return None,
    };
    let (list, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let attestors: Option<Vec<&str>> = list
        .split(',')
        .map(|it| {
            let (name, rest) = word(it.strip_prefix("attestors.")?)?;
            rest.is_empty().then_some(name)
        })
        .collect();
    let attestors = attestors?;
    let rest = rest.strip_prefix(")).all(")?;
    let (count, rest) = word(rest)?;
    let rest = rest.strip_prefix(',')?.strip_prefix(count)?;
    let demand = rest.strip_suffix(')')?;
    let all = match demand {
        ">0" | ">=1" => attestors.len() == 1,
        _ => {
            let number = demand
                .strip_prefix("==")
                .or_else(|| demand.strip_prefix(">="))?;
            if number.parse() != Ok(attestors.len()) {
                return None;
            }
            true
        }
    };
    Some(Call {
        attestation,
        attestors,
        all,
    })
}

/// `images.containers`, or a sum of such lists in parentheses; whichever it is, a Policy is for all images.
fn are_images(text: &str) -> bool {
    let text = text
        .strip_prefix('(')
        .and_then(|it| it.strip_suffix(')'))
        .unwrap_or(text);
    text.split('+').all(|part| {
        let part = part.strip_suffix(".orValue([])").unwrap_or(part);
        part.strip_prefix("images.")
            .map(|it| it.strip_prefix('?').unwrap_or(it))
            .and_then(word)
            .is_some_and(|(_, rest)| rest.is_empty())
    })
}

/// A name at the beginning of a text, and what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::{Call, read};

    #[test]
    fn plain_forms_are_read_and_nothing_else() {
        let call = |attestation, attestors: &[&'static str], all| {
            Some(Call {
                attestation,
                attestors: attestors.to_vec(),
                all,
            })
        };
        for (text, expected) in [
            (
                "images.containers.map(image,verifyImageSignatures(image,[attestors.a])).all(e,e>0)",
                call(None, &["a"], true),
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a,attestors.b])).all(e,e>0)",
                call(None, &["a", "b"], false),
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a,attestors.b])).all(e,e==2)",
                call(None, &["a", "b"], true),
            ),
            (
                "images.bar.map(i,verifyAttestationSignatures(i,attestations.sbom,[attestors.a])).all(e,e>0)",
                call(Some("sbom"), &["a"], true),
            ),
            (
                "(images.containers+images.?ephemeralContainers.orValue([])).map(i,verifyImageSignatures(i,[attestors.a])).all(e,e>0)",
                call(None, &["a"], true),
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a])).all(e,e>=0)",
                None,
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a])).all(e,e>0)||true",
                None,
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a])).exists(e,e>0)",
                None,
            ),
            (
                "images.containers.map(i,verifyImageSignatures(j,[attestors.a])).all(e,e>0)",
                None,
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a])).all(e,true)",
                None,
            ),
            (
                "true||images.containers.map(i,verifyImageSignatures(i,[attestors.a])).all(e,e>0)",
                None,
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[])).all(e,e>0)",
                None,
            ),
            (
                "images.containers.map(i,verifyImageSignatures(i,[attestors.a,attestors.b])).all(e,e==1)",
                None,
            ),
            (
                "images.containers.filter(i,false).map(i,verifyImageSignatures(i,[attestors.a])).all(e,e>0)",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
