//! Timestamps over signatures (RFC 3161, asked over HTTP as its section 3.4 says).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use countersign::{Budget, ServiceClient, ServiceRequest, ServiceUrl};
use der::asn1::{AnyRef, Int, ObjectIdentifier, OctetString};
use der::{Any, Decode as _, Encode as _, Reader as _, Tag, Tagged as _};

use crate::SignError;
use crate::answered::{self, malformed};

/// A token with a chain of certificates has 2 to 6 KiB.
const MOST_BYTES: usize = 256 * 1024;
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const NULL: &[u8] = &[0x05, 0x00];
const VERSION_1: &[u8] = &[0x02, 0x01, 0x01];
/// cosign asks for the certificates too, and verifiers without the authority's own certificate need them.
const WITH_CERTIFICATES: &[u8] = &[0x01, 0x01, 0xff];

/// The whole answer (TimeStampResp) to a request for a timestamp over this signature, granted and to our very request. What it stamps
/// and who signed it is verified in the bundle.
pub(crate) async fn stamp(
    client: &ServiceClient,
    url: &ServiceUrl,
    signature: &[u8],
    budget: &Budget,
) -> Result<Vec<u8>, SignError> {
    let service = name(url);
    let nonce = nonce()?;
    let query = query(signature, &nonce).map_err(|_| SignError::Key)?;
    let request = ServiceRequest {
        url,
        what: "a timestamp",
        accept: "application/timestamp-reply",
        bearer: None,
        body: Some(("application/timestamp-query", query)),
        most: MOST_BYTES,
    };
    let answer = answered::ask(client, &service, &request, &[200, 201], budget).await?;
    match replied(&answer) {
        Ok(Reply::Granted(Some(told))) if told == nonce => Ok(answer),
        Ok(Reply::Granted(_)) => Err(malformed(
            &service,
            "it is a timestamp for another request (its nonce is not ours)",
        )),
        Ok(Reply::Refused(status)) => Err(malformed(
            &service,
            format!("it grants no timestamp (PKIStatus {status})"),
        )),
        Err(error) => Err(malformed(&service, format!("it is no timestamp: {error}"))),
    }
}

pub(crate) fn name(url: &ServiceUrl) -> String {
    format!("the timestamp authority at {}", url.host())
}

enum Reply {
    /// With the nonce, as its INTEGER's content.
    Granted(Option<Vec<u8>>),
    Refused(String),
}

/// A positive number of 63 random bits, as an INTEGER's shortest content.
fn nonce() -> Result<Vec<u8>, SignError> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| SignError::Key)?;
    // The first bit is the sign, and the second makes sure that no byte is left out.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes.to_vec())
}

/// TimeStampReq (2.4.1).
fn query(signature: &[u8], nonce: &[u8]) -> der::Result<Vec<u8>> {
    let sequence = |parts: &[&[u8]]| Any::new(Tag::Sequence, parts.concat())?.to_der();
    let algorithm = sequence(&[&SHA_256.to_der()?, NULL])?;
    let hash = OctetString::new(digest(&SHA256, signature).as_ref())?.to_der()?;
    let imprint = sequence(&[&algorithm, &hash])?;
    let nonce = Int::new(nonce)?.to_der()?;
    sequence(&[VERSION_1, &imprint, &nonce, WITH_CERTIFICATES])
}

/// TimeStampResp (2.4.2): status, and the nonce of TSTInfo.
fn replied(answer: &[u8]) -> der::Result<Reply> {
    let (status, token) = AnyRef::from_der(answer)?.sequence(|reader| {
        let info: AnyRef<'_> = reader.decode()?;
        let status = info.sequence(|info| {
            let status: Int = info.decode()?;
            while !info.is_finished() {
                info.decode::<AnyRef<'_>>()?;
            }
            Ok(status)
        })?;
        let token = match reader.is_finished() {
            true => None,
            false => Some(reader.decode::<ContentInfo>()?),
        };
        Ok((status, token))
    })?;
    // Verification looks at the status of an answer with a token.
    let Some(token) = token else {
        let number: Vec<String> = status.as_bytes().iter().map(u8::to_string).collect();
        return Ok(Reply::Refused(number.join(".")));
    };
    let data: SignedData = token.content.decode_as()?;
    let content = data.encap_content_info.econtent;
    let content: OctetString = content
        .ok_or_else(|| Tag::OctetString.value_error())?
        .decode_as()?;
    let nonce = AnyRef::from_der(content.as_bytes())?.sequence(|info| {
        // version, policy, messageImprint, serialNumber, genTime
        for _ in 0..5 {
            info.decode::<AnyRef<'_>>()?;
        }
        let mut nonce = None;
        while !info.is_finished() {
            let field: AnyRef<'_> = info.decode()?;
            // Of what follows, the nonce alone is an INTEGER.
            if field.tag() == Tag::Integer {
                nonce = Some(field.value().to_vec());
            }
        }
        Ok(nonce)
    })?;
    Ok(Reply::Granted(nonce))
}
