//! What each service answers, from the Forge's authorities and logs. `None`: the request is not one that it takes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::server::Said;
use super::{State, lock};
use crate::digest::sha256_hex;
use crate::forge::{Algorithm, Identity, Key, SCT_LIST, der, sct};
use crate::registry::Request;

/// A certificate for the key of a signing request and the identity of a token, with the chain above it.
pub(super) fn certificate(state: &State, posted: &[u8]) -> Option<Said> {
    let posted: Value = serde_json::from_slice(posted).ok()?;
    let mut identity = identity(posted["credentials"]["oidcIdentityToken"].as_str()?)?;
    let request = decoded(&posted["certificateSigningRequest"])?;
    let request = String::from_utf8(request).ok()?;
    let request: String = request
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let request = STANDARD.decode(request).ok()?;
    // The request's information has version, subject and key.
    let (_, parts) = *der::values(&request)?.first()?;
    let (_, info) = *der::values(parts)?.first()?;
    let (public_key, _) = *der::values(info)?.get(2)?;

    let forge = &state.forge;
    let lies = lock(&state.lies);
    lies.identity.iter().for_each(|lie| lie(&mut identity));
    let stand_in = Key::generate(Algorithm::P256);
    let mut leaf = forge.unsigned_leaf(&stand_in, &identity);
    leaf.public_key = public_key.to_vec();
    lies.leaf.iter().for_each(|lie| lie(&mut leaf));
    let promise = sct::list(&[forge.sct(&leaf)]);
    leaf.push(SCT_LIST, false, promise);
    let issued = leaf.issue(&forge.issuer().1);
    let chain: Vec<String> = [&issued]
        .into_iter()
        .chain(forge.ca_chain())
        .map(|issued| issued.pem())
        .collect();
    Some(Said::Json(json!({
        "signedCertificateEmbeddedSct": {"chain": {"certificates": chain}},
    })))
}

/// `TimeStampReq` has version, imprint, and here a nonce.
pub(super) fn timestamp(state: &State, posted: &[u8]) -> Option<Said> {
    let (_, query) = *der::values(posted)?.first()?;
    let query = der::values(query)?;
    let (_, imprint) = *query.get(1)?;
    let (_, hash) = *der::values(imprint)?.get(1)?;
    let (_, nonce) = *query.get(2)?;
    let mut stamp = state.forge.tsa.stamp(&[], state.forge.now + 2);
    stamp.imprint = hash.to_vec();
    stamp.nonce = nonce.to_vec();
    let lies = lock(&state.lies);
    lies.stamp.iter().for_each(|lie| lie(&mut stamp));
    Some(Said::Timestamp(stamp.signed()))
}

/// `HashedRekordRequestV002`, and the empty fields that the real log writes as well.
pub(super) fn entry_v2(state: &State, posted: &[u8]) -> Option<Said> {
    let posted: Value = serde_json::from_slice(posted).ok()?;
    let asked = posted.get("hashedRekordRequestV002")?;
    let details = asked["signature"]["verifier"]["keyDetails"].as_str()?;
    let algorithm = match details {
        "PKIX_ECDSA_P384_SHA_384" => "SHA2_384",
        "PKIX_ECDSA_P521_SHA_512" => "SHA2_512",
        _ => "SHA2_256",
    };
    let body = json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": {"algorithm": algorithm, "digest": asked["digest"]},
        "signature": asked["signature"],
    }}});
    let log = &state.forge.rekor_v2;
    let mut entry = log.entry("hashedrekord", "0.0.2", body, state.forge.now + 1);
    lock(&state.lies)
        .entry
        .iter()
        .for_each(|lie| lie(&mut entry));
    let mut json = entry.log(&[]).to_bundle_entry();
    json["integratedTime"] = json!("0");
    json["inclusionPromise"] = Value::Null;
    Some(Said::Json(json))
}

/// A proposed `dsse` 0.0.1.
pub(super) fn entry_v1(state: &State, posted: &[u8]) -> Option<Said> {
    let posted: Value = serde_json::from_slice(posted).ok()?;
    let proposed = &posted["spec"]["proposedContent"];
    let text = proposed["envelope"].as_str()?;
    let envelope: Value = serde_json::from_str(text).ok()?;
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": sha256_hex(bytes)});
    let body = json!({"apiVersion": "0.0.1", "kind": posted["kind"], "spec": {
        "envelopeHash": hash(text.as_bytes()),
        "payloadHash": hash(&decoded(&envelope["payload"])?),
        "signatures": [{
            "signature": envelope["signatures"][0]["sig"], "verifier": proposed["verifiers"][0],
        }],
    }});
    let log = &state.forge.rekor_v1;
    let mut entry = log.entry("dsse", "0.0.1", body, state.forge.now + 1);
    lock(&state.lies)
        .entry
        .iter()
        .for_each(|lie| lie(&mut entry));
    Some(Said::Json(entry.log(&[]).to_answer()))
}

/// GitHub's token service: the identity of the job, to whoever has the job's secret `job-secret`.
pub(super) fn token(state: &State, request: &Request) -> Option<Said> {
    let is_job = request
        .headers
        .iter()
        .any(|(name, value)| name == "authorization" && value == "Bearer job-secret");
    let wanted = is_job && request.path.contains("audience=sigstore");
    let claims = json!({
        "iss": crate::forge::GITHUB_ISSUER, "sub": "repo:acme/app:ref:refs/heads/main",
        "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
        "aud": "sigstore", "exp": state.forge.now + 300,
    });
    wanted.then(|| Said::Json(json!({"count": 1, "value": super::token_of(&claims)})))
}

/// Whom a token names, as Fulcio reads it: a workflow of GitHub, a person, or a URI.
fn identity(token: &str) -> Option<Identity> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let issuer = claims["iss"].as_str()?;
    if claims["job_workflow_ref"].is_string() {
        return Some(Identity::default());
    }
    match claims["email"].as_str() {
        Some(address) => Some(Identity::email(address, issuer)),
        None => Some(Identity::uri(claims["sub"].as_str()?, issuer)),
    }
}

fn decoded(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
}
