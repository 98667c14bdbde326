//! Step 6: a checkpoint (C2SP tlog-checkpoint and signed-note), signed by the log that the entry names.

use sigstore_types::Sha256Hash;

use crate::examine::decode::decimal;
use crate::refusal::Refusal;
use crate::trust::Log;
use crate::{Limits, ReasonCode, base64};

/// What a log signed.
#[derive(Debug)]
pub(in crate::examine) struct Checkpoint {
    pub(in crate::examine) tree_size: u64,
    pub(in crate::examine) root_hash: Sha256Hash,
}

/// Reads a checkpoint and finds among its signature lines one by this log. Lines of others (cosigners) are ignored.
pub(in crate::examine) fn verify(
    text: &str,
    log: &Log,
    limits: &Limits,
) -> Result<Checkpoint, Refusal> {
    if text.len() > limits.checkpoint_bytes {
        return Err(Refusal::new(
            ReasonCode::OverLimit,
            format!("the checkpoint has {} bytes", text.len()),
        ));
    }
    let (body, lines) = text
        .split_once("\n\n")
        .ok_or_else(|| invalid("no empty line before the signatures"))?;
    // The note that is signed ends with the newline before the empty line.
    let note = text.get(..=body.len()).unwrap_or_default();
    let mut fields = body.split('\n');
    let origin = fields
        .next()
        .filter(|origin| !origin.is_empty())
        .ok_or_else(|| invalid("it has no origin"))?;
    let tree_size = fields
        .next()
        .and_then(decimal)
        .ok_or_else(|| invalid("its tree size is not a number"))?;
    let root_hash = fields
        .next()
        .and_then(base64::decode)
        .and_then(|bytes| Sha256Hash::try_from(bytes.as_slice()).ok())
        .ok_or_else(|| invalid("its root hash is not 32 bytes of base64"))?;
    let lines: Vec<&str> = lines
        .strip_suffix('\n')
        .ok_or_else(|| invalid("its last line does not end"))?
        .split('\n')
        .collect();
    if lines.len() > limits.checkpoint_signatures {
        return Err(Refusal::new(
            ReasonCode::OverLimit,
            format!("{} signature lines", lines.len()),
        ));
    }
    let mut signed = false;
    for line in lines {
        let (name, signature) = line
            .strip_prefix("— ")
            .and_then(|line| line.split_once(' '))
            .ok_or_else(|| invalid("a signature line is malformed"))?;
        let blob = base64::decode(signature).ok_or_else(|| invalid("a signature is not base64"))?;
        let (hint, signature) = blob
            .split_at_checked(4)
            .ok_or_else(|| invalid("a signature is too short"))?;
        // Hints are four bytes and may collide: every line that fits is tried.
        signed |= log.checkpoint_id.starts_with(hint)
            && log.names_fit(origin, name)
            && log.key.verify(note.as_bytes(), signature).is_ok();
    }
    if !signed {
        return Err(invalid("the log that the entry names did not sign it"));
    }
    Ok(Checkpoint {
        tree_size,
        root_hash,
    })
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(ReasonCode::CheckpointInvalid, why)
}
