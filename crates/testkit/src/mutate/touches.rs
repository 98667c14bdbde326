//! Whether a change touches what somebody signed, found by comparing the documents before and after.

use super::Touches;
use super::document::{Document, Form};
use super::json::Json;

/// What became different between two documents of one form. Where in doubt, signed: a verifier must refuse.
pub(crate) fn between(before: &Document, after: &Document) -> Touches {
    let (old, new) = (&before.json, &after.json);
    let touched = new.has_twins()
        || match before.form {
            Form::Bundle => bundle(old, new),
            Form::Sig => !kept(old, new, "payload") || annotations(old, new, true),
            Form::Att => {
                envelope(old.get("envelope"), new.get("envelope")) || annotations(old, new, false)
            }
        };
    if touched {
        Touches::Signed
    } else {
        Touches::Unsigned
    }
}

fn bundle(old: &Json, new: &Json) -> bool {
    let message = old.get("messageSignature").is_some_and(|old| {
        let new = new.get("messageSignature").unwrap_or(&Json::Null);
        // The digest is a copy: whoever has the artifact does without.
        !kept(old, new, "signature")
            || old.present("messageDigest").is_some()
                && new.present("messageDigest").is_some()
                && !kept(old, new, "messageDigest")
    });
    let content = envelope(old.get("dsseEnvelope"), new.get("dsseEnvelope"));
    let (old, new) = match (
        old.get("verificationMaterial"),
        new.get("verificationMaterial"),
    ) {
        (Some(old), Some(new)) => (old, new),
        _ => return true,
    };
    message || content || signer(old, new) || entries(old, new) || timestamps(old, new)
}

/// All but the hint for the key.
fn envelope(old: Option<&Json>, new: Option<&Json>) -> bool {
    let Some(old) = old else { return false };
    let Some(new) = new else { return true };
    let signature = |envelope: &Json| {
        let signatures = envelope.get("signatures").map(Json::items);
        match signatures {
            Some([one]) => one.get("sig").cloned(),
            _ => None,
        }
    };
    !kept(old, new, "payload") || !kept(old, new, "payloadType") || signature(old) != signature(new)
}

/// The leaf; other certificates of a chain are of no use. A hint for a key is only a hint.
fn signer(old: &Json, new: &Json) -> bool {
    let leaf = |material: &Json| {
        let chain = material.get("x509CertificateChain");
        let chain = chain.and_then(|chain| chain.get("certificates"));
        let first = chain.and_then(|chain| chain.items().first());
        let leaf = material.get("certificate").or(first);
        leaf.and_then(|leaf| leaf.get("rawBytes")).cloned()
    };
    let is_chain = |material: &Json| material.get("x509CertificateChain").is_some();
    leaf(old) != leaf(new)
        || is_chain(old) != is_chain(new)
        || old.get("publicKey").is_some() != new.get("publicKey").is_some()
}

/// Entries may be left out or reordered; what stays must be as it was.
fn entries(old: &Json, new: &Json) -> bool {
    let list = |material: &Json| match material.get("tlogEntries") {
        None | Some(Json::Null) => Some(Vec::new()),
        Some(Json::List(entries)) => Some(entries.clone()),
        Some(_) => None,
    };
    let (Some(old), Some(new)) = (list(old), list(new)) else {
        return true;
    };
    new.iter().any(|new| old.iter().all(|old| entry(old, new)))
}

fn entry(old: &Json, new: &Json) -> bool {
    let promised = old.present("inclusionPromise").is_some();
    let fixed = ["canonicalizedBody", "logId", "kindVersion"];
    let numbers = ["logIndex", "integratedTime"];
    let proof = match (old.present("inclusionProof"), new.present("inclusionProof")) {
        (Some(old), Some(new)) => old.present("checkpoint").is_some() && inclusion(old, new),
        _ => false,
    };
    let promise = new.present("inclusionPromise").is_some() && !kept(old, new, "inclusionPromise");
    fixed.iter().any(|name| !kept(old, new, name))
        || promised
            && numbers
                .iter()
                .any(|name| integer(old, name) != integer(new, name))
        || promised && promise
        || proof
}

/// A proof without a checkpoint is nothing that anybody signed.
fn inclusion(old: &Json, new: &Json) -> bool {
    let Some(checkpoint) = new.present("checkpoint") else {
        return false;
    };
    let note = |checkpoint: &Json| {
        checkpoint
            .get("envelope")
            .and_then(Json::as_text)
            .map(signed_text)
    };
    let old_note = old.get("checkpoint").and_then(note);
    ["logIndex", "treeSize"]
        .iter()
        .any(|name| integer(old, name) != integer(new, name))
        || !kept(old, new, "rootHash")
        || !(kept(old, new, "hashes") || empty(old, "hashes") && empty(new, "hashes"))
        || note(checkpoint) != old_note
}

fn empty(object: &Json, name: &str) -> bool {
    object
        .present(name)
        .is_none_or(|list| *list == Json::List(Vec::new()))
}

/// The text of a checkpoint with its one signature. Of several signatures all but the log's are of no use, and which one
/// that is cannot be told here: the text alone.
fn signed_text(checkpoint: &str) -> String {
    match checkpoint.split_once("\n\n") {
        Some((text, signatures)) if signatures.matches('\n').count() > 1 => text.to_owned(),
        _ => checkpoint.to_owned(),
    }
}

fn timestamps(old: &Json, new: &Json) -> bool {
    let list = |material: &Json| {
        let data = material.present("timestampVerificationData");
        match data.map(|data| (data, data.present("rfc3161Timestamps"))) {
            None | Some((Json::Object(_), None)) => Some(Vec::new()),
            Some((_, Some(Json::List(stamps)))) => Some(stamps.clone()),
            _ => None,
        }
    };
    let (Some(old), Some(new)) = (list(old), list(new)) else {
        return true;
    };
    new.iter().any(|new| {
        old.iter()
            .all(|old| token(old.get("signedTimestamp"), new.get("signedTimestamp")))
    })
}

/// Compared by what the authority signed; a text that is not canonical base64 is another one.
fn token(old: Option<&Json>, new: Option<&Json>) -> bool {
    use base64::Engine as _;
    let decoded = |json: Option<&Json>| {
        base64::engine::general_purpose::STANDARD
            .decode(json?.as_text()?)
            .ok()
    };
    let parts = |der: Option<Vec<u8>>| {
        der.as_deref()
            .and_then(super::der::signed_parts_of_timestamp)
    };
    let (old, new) = (parts(decoded(old)), parts(decoded(new)));
    new.is_none() || old != new
}

fn annotations(old: &Json, new: &Json, has_signature: bool) -> bool {
    let (Some(old), Some(new)) = (old.get("annotations"), new.get("annotations")) else {
        return true;
    };
    let pem = |annotations: &Json| {
        let text = annotations.get("certificate").and_then(Json::as_text);
        text.unwrap_or_default()
            .split_whitespace()
            .collect::<String>()
    };
    let absent = |name: &str| new.get(name).is_none_or(|value| *value == Json::text(""));
    let promise = match (old.get("bundle"), new.get("bundle")) {
        (Some(old), Some(new)) if !absent("bundle") => promise(old, new),
        _ => false,
    };
    has_signature && !kept(old, new, "signature")
        || pem(old) != pem(new)
        || promise
        || old.get("timestamp").is_some() && !absent("timestamp") && token(stamp(old), stamp(new))
}

fn stamp(annotations: &Json) -> Option<&Json> {
    annotations.get("timestamp")?.get("SignedRFC3161Timestamp")
}

fn promise(old: &Json, new: &Json) -> bool {
    let (Some(before), Some(after)) = (old.get("Payload"), new.get("Payload")) else {
        return true;
    };
    !kept(old, new, "SignedEntryTimestamp")
        || ["body", "logID"]
            .iter()
            .any(|name| !kept(before, after, name))
        || ["integratedTime", "logIndex"]
            .iter()
            .any(|name| integer(before, name) != integer(after, name))
}

/// Whether the member and all that was in it is still there; what was added does not matter.
fn kept(old: &Json, new: &Json, name: &str) -> bool {
    match (old.get(name), new.get(name)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => same(old, new),
    }
}

fn same(old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Object(members), Json::Object(_)) => {
            members.iter().all(|(name, _)| kept(old, new, name))
        }
        _ => old == new,
    }
}

/// protobuf leaves a zero out, and reads null as one.
fn integer(object: &Json, name: &str) -> Option<i128> {
    match object.present(name) {
        None => Some(0),
        Some(value) => value.as_integer(),
    }
}
