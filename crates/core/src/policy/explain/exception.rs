//! Exceptions in plain words.

use super::{Explained, either, namespaces, quoted};
use crate::policy::exception::{Exception, Waived};
use crate::text::safe;

pub(super) fn exception(exception: &Exception) -> Explained {
    let rules = either(exception.rules.iter().map(|rule| quoted(rule)), "and");
    let mut says = vec![
        format!(
            "Of the policy {} it waives {rules}: that {} not pass is told, and denies nothing.",
            quoted(&exception.policy),
            match exception.rules.len() {
                1 => "it does",
                _ => "they do",
            }
        ),
        format!(
            "It is for images that match {}.",
            either(exception.images.iter().map(waived), "or")
        ),
    ];
    says.extend(exception.namespaces.as_ref().map(namespaces));
    says.push(format!("It ends {}.", exception.expires));
    says.push("It waives nothing that is revoked, and nothing where a registry lies.".to_owned());
    says.push(format!("The reason: {}", safe(&exception.reason)));
    if let Some(ticket) = &exception.ticket {
        says.push(format!("It is being settled in {}.", quoted(ticket)));
    }
    Explained::new(&exception.name, Some(&exception.place), says)
}

fn waived(waived: &Waived) -> String {
    let images = quoted(waived.images.as_str());
    match &waived.digest {
        Some(digest) => format!("{images} and have the digest {digest}"),
        None => images,
    }
}
