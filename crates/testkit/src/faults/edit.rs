//! Small changes that many cases share.

use serde_json::Value;

use crate::forge::Entry;

/// The first log entry of a bundle.
pub(super) fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// The inclusion proof of the first log entry.
pub(super) fn proof(bundle: &mut Value) -> &mut Value {
    &mut entry(bundle)["inclusionProof"]
}

/// The text of the first entry's checkpoint.
pub(super) fn checkpoint(bundle: &mut Value, edit: impl Fn(&str) -> String) {
    let envelope = &mut proof(bundle)["checkpoint"]["envelope"];
    *envelope = edit(envelope.as_str().expect("a checkpoint is text")).into();
}

/// Takes a member away.
pub(super) fn remove(object: &mut Value, member: &str) {
    let removed = object.as_object_mut().expect("an object").remove(member);
    assert!(removed.is_some(), "there is no {member} to remove");
}

/// Flips a bit in the middle of a base64 text, which stays canonical.
pub(super) fn flip(text: &mut Value) {
    let old = text.as_str().expect("base64 is text");
    let middle = old.len() / 2;
    let other = if old.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    *text = format!("{}{other}{}", &old[..middle], &old[middle + 1..]).into();
}

/// The same bytes in base64 with stray bits behind them.
pub(super) fn uncanonical(text: &mut Value) {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let old = text.as_str().expect("base64 is text");
    let body = old.trim_end_matches('=');
    let padding = &old[body.len()..];
    assert!(!padding.is_empty(), "this base64 has no bits to spare");
    let (head, last) = body.split_at(body.len() - 1);
    let place = ALPHABET.find(last).expect("base64 is of its alphabet");
    *text = format!("{head}{}{padding}", &ALPHABET[place + 1..place + 2]).into();
}

/// Writes a member's name twice, the second time with the true value.
pub(super) fn double(text: &mut String, member: &str, value: &str) {
    let quoted = format!("\"{member}\":");
    assert!(text.contains(&quoted), "there is no {member} to double");
    *text = text.replacen(&quoted, &format!("{quoted}{value},{quoted}"), 1);
}

/// The DSSE signature of an entry's body, wherever its kind keeps it.
pub(super) fn body_signature(entry: &mut Entry) -> &mut Value {
    &mut entry.body["spec"]["signatures"][0]
}

/// The certificate of somebody else's leaf, base64 of PEM, as entries carry it.
pub(super) fn foreign_verifier() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(super::foreign_key().public_pem())
}
