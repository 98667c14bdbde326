//! Step 18: cosign's simple-signing payload (containers/image `docs/containers-signature.5.md`).

use serde::Deserialize;

use super::Artifact;
use crate::refusal::Refusal;
use crate::{Claim, Limits, ReasonCode, json};

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// Reads the payload and compares its digest, algorithm included. The docker-reference is the signer's word only.
pub(super) fn claim(
    payload: &[u8],
    artifact: &Artifact<'_>,
    limits: &Limits,
) -> Result<Claim, Refusal> {
    let payload: Payload = json::parse(payload, limits)
        .map_err(|error| error.refusal(ReasonCode::PayloadMalformed))?;
    let critical = payload.critical;
    if critical.kind != "cosign container image signature" {
        return Err(Refusal::new(
            ReasonCode::PayloadMalformed,
            format!("critical.type is `{}`", crate::digest::clip(&critical.kind)),
        ));
    }
    if critical.image.docker_manifest_digest != artifact.digest.to_string() {
        return Err(Refusal::new(
            ReasonCode::DigestMismatch,
            format!(
                "it signs {}",
                crate::digest::clip(&critical.image.docker_manifest_digest)
            ),
        ));
    }
    if critical.identity.docker_reference.len() > limits.text_bytes {
        return Err(Refusal::new(
            ReasonCode::OverLimit,
            "the docker-reference is too long",
        ));
    }
    Ok(Claim::SimpleSigning {
        docker_reference: critical.identity.docker_reference,
    })
}
