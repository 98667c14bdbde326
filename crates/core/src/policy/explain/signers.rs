//! Signers in plain words.

use super::{either, quoted};
use crate::policy::claim::{CiClaim, ClaimDemand};
use crate::policy::glob::Glob;
use crate::policy::signer::{Key, Keyless, Maker, Signer, Subject, TimeDemand};

/// By what a Signer is known and what it demands, a sentence each.
pub(super) fn signer(signer: &Signer) -> Vec<String> {
    let mut says = match &signer.maker {
        Maker::Keys(keys) => keys.iter().map(key).collect(),
        Maker::Keyless(keyless) => identity(keyless),
    };
    says.push(match &signer.root {
        Some(root) if root.sct && matches!(signer.maker, Maker::Keyless(_)) => format!(
            "The trust root {} vouches for it, certificate transparency included.",
            quoted(&root.name)
        ),
        Some(root) => format!("The trust root {} vouches for it.", quoted(&root.name)),
        None => "No trust root is asked.".to_owned(),
    });
    says.push(match signer.logs {
        0 => "No transparency log has to hold the signature.".to_owned(),
        1 => "A transparency log holds the signature.".to_owned(),
        count => format!("Transparency logs of {count} operators hold the signature."),
    });
    says.push(
        match signer.time {
            TimeDemand::Log => "A log proves when it was made.",
            TimeDemand::Timestamp => "A timestamp authority proves when it was made.",
            TimeDemand::Either => "A log or a timestamp authority proves when it was made.",
            TimeDemand::None => "Nobody proves when it was made.",
        }
        .to_owned(),
    );
    if signer.timestamps > 0 {
        let count = signer.timestamps;
        says.push(format!(
            "Timestamp authorities of {count} operators or more vouch for the time."
        ));
    }
    says.push(format!("It counts as {}.", formats(signer)));
    says
}

fn key(key: &Key) -> String {
    let window = match (key.valid_from, key.valid_until) {
        (None, None) => "at any time".to_owned(),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    };
    format!(
        "It is known by the key {} ({}), {window}.",
        quoted(&key.id),
        key.key
    )
}

fn identity(keyless: &Keyless) -> Vec<String> {
    let mut says = vec![format!(
        "It is known by a certificate for {}, for which the issuer {} vouches.",
        subject(&keyless.subject),
        quoted(&keyless.issuer)
    )];
    let claim = |demand: &ClaimDemand| {
        let any_of = demand
            .any_of
            .iter()
            .map(|pattern| quoted(&pattern.to_string()));
        format!("the {} {}", demand.claim.name(), either(any_of, "or"))
    };
    let names_caller =
        |demand: &ClaimDemand| matches!(demand.claim, CiClaim::Repository | CiClaim::RepositoryId);
    if matches!(keyless.subject, Subject::Workflow { .. })
        && !keyless.claims.iter().any(names_caller)
    {
        says.push("Anyone who can call that workflow can have it sign.".to_owned());
    }
    if !keyless.claims.is_empty() {
        let claims = either(keyless.claims.iter().map(claim), "and");
        says.push(format!("The certificate states {claims}."));
    }
    says
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Exact(value) => format!("exactly {}", quoted(value)),
        Subject::Email(value) => format!("the e-mail address {}", quoted(value)),
        Subject::Uri(value) => format!("the URI {}", quoted(value)),
        Subject::Regex(_, written) => {
            format!(
                "a name that the whole of the pattern {} matches",
                quoted(written)
            )
        }
        Subject::Workflow { path, refs } => format!(
            "the GitHub workflow {} at {}",
            quoted(path),
            either(refs.iter().map(Glob::as_str).map(quoted), "or")
        ),
    }
}

fn formats(signer: &Signer) -> String {
    let legacy = signer.legacy.then(|| "Cosign's legacy tags".to_owned());
    let bundles = signer.bundles.iter();
    let bundles = bundles.map(|format| format.as_str().to_owned());
    either(bundles.chain(legacy), "or")
}
