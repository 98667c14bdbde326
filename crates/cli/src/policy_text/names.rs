//! What things are called in a policy.

/// A text as policies name things: lower-case letters, digits, `-` and `.`, at most 40 of them.
pub(crate) fn name(text: &str, otherwise: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mapped: String = lower
        .chars()
        .map(|it| {
            if it.is_ascii_alphanumeric() || it == '.' {
                it
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    let trimmed = mapped.trim_matches(['-', '.']);
    if trimmed.is_empty() {
        otherwise.to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// The same name with a number behind it, where it is taken.
pub(crate) fn unique<'a>(name: &str, taken: impl Iterator<Item = &'a str> + Clone) -> String {
    let is_free = |name: &str| !taken.clone().any(|other| other == name);
    if is_free(name) {
        return name.to_owned();
    }
    let numbered = (2..).map(|number: usize| format!("{name}-{number}"));
    numbered
        .into_iter()
        .find(|name| is_free(name))
        .unwrap_or_default()
}
