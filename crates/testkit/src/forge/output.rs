//! From a forgery to bytes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::body::Signed;
use super::certificate::{CODE_SIGNING, Certificate, Issued, SCT_LIST};
use super::forgery::{Forgery, Signer};
use super::identity::Identity;
use super::key::Key;
use super::log::{Generation, Logged};
use super::sct::{self, Sct};
use super::{BoxedEdit, Forge, base64};

/// How long leaf certificates live, in seconds, as Fulcio's do.
const LEAF_LIFETIME: i64 = 600;

impl Forgery<'_> {
    /// As a Sigstore bundle.
    #[must_use]
    pub fn bundle(self) -> Vec<u8> {
        let signed = self.sign();
        let mut material = self.signer_material(&signed);
        let entries: Vec<_> = self
            .log(&signed)
            .iter()
            .map(Logged::to_bundle_entry)
            .collect();
        if !entries.is_empty() {
            material["tlogEntries"] = json!(entries);
        }
        let stamps: Vec<_> = self.stamp(&signed.signature);
        if !stamps.is_empty() {
            let stamps: Vec<_> = stamps
                .iter()
                .map(|stamp| json!({"signedTimestamp": base64(stamp)}))
                .collect();
            material["timestampVerificationData"] = json!({"rfc3161Timestamps": stamps});
        }

        let mut bundle = json!({"mediaType": self.media_type(), "verificationMaterial": material});
        if let Some(payload_type) = &self.payload_type {
            bundle["dsseEnvelope"] = json!({
                "payload": base64(&signed.payload), "payloadType": payload_type,
                "signatures": [{"sig": base64(&signed.signature)}],
            });
        } else {
            bundle["messageSignature"] = json!({
                "messageDigest": {"algorithm": signed.hash.name(), "digest": base64(&signed.hash.of(&signed.payload))},
                "signature": base64(&signed.signature),
            });
        }
        apply(&self.edits.json, &mut bundle);
        let mut text = bundle.to_string();
        apply(&self.edits.text, &mut text);
        text.into_bytes()
    }

    /// As a layer of cosign's `.sig`: the payload, and the annotations.
    #[must_use]
    pub fn sig(self) -> (Vec<u8>, BTreeMap<String, String>) {
        let signed = self.sign();
        let annotations = self.annotations(&signed, &base64(&signed.signature), &signed.signature);
        (signed.payload, annotations)
    }

    /// As a layer of cosign's `.att`: the DSSE envelope, and the annotations.
    #[must_use]
    pub fn att(self) -> (Vec<u8>, BTreeMap<String, String>) {
        let signed = self.sign();
        // cosign stamps the whole envelope here, for lack of a signature beside it.
        let mut annotations = self.annotations(&signed, "", &signed.envelope);
        let statement: Option<Value> = serde_json::from_slice(&signed.payload).ok();
        if let Some(predicate_type) = statement
            .as_ref()
            .and_then(|statement| statement["predicateType"].as_str())
        {
            annotations.insert("predicateType".into(), predicate_type.into());
        }
        (signed.envelope, annotations)
    }

    fn annotations(
        &self,
        signed: &Signed,
        signature: &str,
        stamped: &[u8],
    ) -> BTreeMap<String, String> {
        let mut annotations = json!({"dev.cosignproject.cosign/signature": signature});
        if let Some(certificate) = &signed.certificate {
            let chain: String = self
                .forge
                .ca_chain()
                .iter()
                .map(|issued| issued.pem())
                .collect();
            annotations["dev.sigstore.cosign/certificate"] =
                json!(super::der::pem("CERTIFICATE", certificate));
            annotations["dev.sigstore.cosign/chain"] = json!(chain);
        }
        if let Some(entry) = self.log(signed).first() {
            annotations["dev.sigstore.cosign/bundle"] = json!(entry.to_annotation().to_string());
        }
        if let Some(stamp) = self.stamp(stamped).first() {
            let stamp = json!({"SignedRFC3161Timestamp": base64(stamp)});
            annotations["dev.sigstore.cosign/rfc3161timestamp"] = json!(stamp.to_string());
        }
        apply(&self.edits.json, &mut annotations);
        serde_json::from_value(annotations).expect("annotations are strings by name")
    }

    fn sign(&self) -> Signed {
        let (key, certificate) = match &self.signer {
            Signer::Keyed(key) => (key, None),
            Signer::Keyless { key, identity } => (key, Some(self.leaf(key, identity).der)),
        };
        let mut bytes = match &self.payload_type {
            Some(payload_type) => pre_authentication_encoding(payload_type, &self.payload),
            None => self.payload.clone(),
        };
        apply(&self.edits.signed_bytes, &mut bytes);
        let hash = self.signing_hash.unwrap_or(key.hash());
        let mut signature = self
            .signing_key
            .as_ref()
            .unwrap_or(key)
            .sign_with(hash, &bytes);
        apply(&self.edits.signature, &mut signature);

        let payload_type = self.payload_type.clone().unwrap_or_default();
        let envelope = json!({
            "payload": base64(&self.payload), "payloadType": payload_type,
            "signatures": [{"keyid": "", "sig": base64(&signature)}],
        });
        Signed {
            bytes,
            payload: self.payload.clone(),
            payload_type,
            signature,
            hash,
            envelope: envelope.to_string().into_bytes(),
            key: key.clone(),
            certificate,
        }
    }

    /// A leaf certificate as Fulcio issues it.
    fn leaf(&self, key: &Key, identity: &Identity) -> Issued {
        let (_, issuer_key) = self.forge.issuer();
        let mut leaf = self.forge.unsigned_leaf(key, identity);
        apply(&self.edits.leaf, &mut leaf);

        let mut scts = vec![self.forge.sct(&leaf)];
        apply(&self.edits.scts, &mut scts);
        if !scts.is_empty() {
            leaf.push(SCT_LIST, false, sct::list(&scts));
        }
        let mut issued = leaf.issue(self.edits.leaf_issuer.as_ref().unwrap_or(issuer_key));
        apply(&self.edits.leaf_der, &mut issued.der);
        issued
    }

    fn signer_material(&self, signed: &Signed) -> Value {
        let Some(leaf) = &signed.certificate else {
            return json!({"publicKey": {"hint": signed.key.hint()}});
        };
        let mut certificates = vec![leaf.clone()];
        if self.chain {
            certificates.extend(
                self.forge
                    .intermediate
                    .iter()
                    .map(|(issued, _)| issued.der.clone()),
            );
        }
        apply(&self.edits.certificates, &mut certificates);
        let certificates: Vec<_> = certificates
            .iter()
            .map(|der| json!({"rawBytes": base64(der)}))
            .collect();
        match (self.chain, certificates.as_slice()) {
            (false, [leaf]) => json!({"certificate": leaf}),
            (_, chain) => json!({"x509CertificateChain": {"certificates": chain}}),
        }
    }

    fn log(&self, signed: &Signed) -> Vec<Logged> {
        let log_one = |request: &super::forgery::EntryRequest<'_>| {
            let default = match (request.log.generation, &self.payload_type) {
                (Generation::V2, _) => ("hashedrekord", "0.0.2"),
                (Generation::V1, Some(_)) => ("dsse", "0.0.1"),
                (Generation::V1, None) => ("hashedrekord", "0.0.1"),
            };
            let asked = request
                .kind
                .as_ref()
                .map(|(kind, version)| (kind.as_str(), version.as_str()));
            let (kind, version) = asked.unwrap_or(default);
            let mut entry = request.log.entry(
                kind,
                version,
                signed.body(kind, version),
                self.forge.now + 1,
            );
            entry.proof = self.version != "0.1";
            apply(&request.edits, &mut entry);
            entry.log(&request.checkpoint_edits)
        };
        self.entries.iter().map(log_one).collect()
    }

    fn stamp(&self, stamped: &[u8]) -> Vec<Vec<u8>> {
        let stamp_one = |request: &super::forgery::StampRequest<'_>| {
            let mut stamp = request.authority.stamp(stamped, self.forge.now + 2);
            apply(&request.edits, &mut stamp);
            stamp.signed()
        };
        self.stamps.iter().map(stamp_one).collect()
    }

    fn media_type(&self) -> String {
        match self.version.as_str() {
            "0.1" | "0.2" => format!(
                "application/vnd.dev.sigstore.bundle+json;version={}",
                self.version
            ),
            version => format!("application/vnd.dev.sigstore.bundle.v{version}+json"),
        }
    }
}

impl Forge {
    /// What Fulcio says of a key, before SCTs and signature.
    pub(super) fn unsigned_leaf(&self, key: &Key, identity: &Identity) -> Certificate {
        let (issuer, issuer_key) = self.issuer();
        let mut leaf = Certificate::new(key, self.now, self.now + LEAF_LIFETIME);
        leaf.issuer = issuer.certificate.subject.clone();
        leaf.push_key_usage(0x80);
        leaf.push_purposes(false, &[CODE_SIGNING]);
        leaf.push_key_identifiers(key, Some(issuer_key));
        leaf.push_names(std::slice::from_ref(&identity.san));
        leaf.push_claim(1, &identity.issuer);
        for (number, value) in identity.claims.range(..8) {
            leaf.push_claim(*number, value);
        }
        leaf.push_claim(8, &identity.issuer);
        for (number, value) in identity.claims.range(9..) {
            leaf.push_claim(*number, value);
        }
        leaf
    }

    /// The CT log's promise about a leaf.
    pub(super) fn sct(&self, leaf: &Certificate) -> Sct {
        let (_, issuer_key) = self.issuer();
        Sct {
            log: self.ct_log.clone(),
            log_id: self.ct_log.log_id(),
            millis: u64::try_from(self.now).expect("after 1970") * 1000 + 470,
            extensions: Vec::new(),
            issuer_key_hash: super::Hash::Sha256.of(&issuer_key.public_der()),
            to_be_signed: leaf.to_be_signed(issuer_key),
        }
    }
}

/// DSSE's PAE (protocol.md, "Signature Definition").
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

fn apply<T>(edits: &[BoxedEdit<'_, T>], to: &mut T) {
    for edit in edits {
        edit(to);
    }
}
