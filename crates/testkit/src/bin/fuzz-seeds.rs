//! `fuzz-seeds FOLDER`: what the fuzz targets start from (`fuzz/seeds`), forged anew. Its keys are thrown away: what verifies by
//! the trusted root that is written here and is not among these seeds was forged by the fuzzer.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::faults::{Evidence, MANIFEST};
use countersign_testkit::mutate::{self, Seed};
use countersign_testkit::sbom;
use serde_json::Value;

const BUNDLES: [&str; 6] = [
    "v1-stamped",
    "v2",
    "intoto",
    "keyed-blob",
    "keyed-v1",
    "bundle-01",
];
const SIGS: [&str; 1] = ["sig-stamped"];
const ATTS: [&str; 2] = ["att-intoto-001", "att-intoto-002"];

/// One of each shape: a Pod, its template, its template's template, both objects, one that goes.
const REVIEWS: [&str; 6] = [
    "create-cronjobs",
    "create-pods",
    "create-podtemplates",
    "delete-pods",
    "update-deployments",
    "update-pods-ephemeralcontainers",
];

/// The order in which a seed of a layer names its annotations.
const ANNOTATIONS: [&str; 5] = [
    "dev.cosignproject.cosign/signature",
    "dev.sigstore.cosign/certificate",
    "dev.sigstore.cosign/chain",
    "dev.sigstore.cosign/bundle",
    "dev.sigstore.cosign/rfc3161timestamp",
];

fn main() {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: fuzz-seeds FOLDER");
        std::process::exit(2);
    };
    let seeds = Seeds(Path::new(&folder));
    // One call, one instance: all of these verify by the same root and key.
    let all = mutate::seeds();
    let one = |name: &str| all.iter().find(|seed| seed.name == name).unwrap();
    seeds.world(one("v1-stamped"));
    for name in BUNDLES {
        seeds.bundle(name, one(name));
    }
    for name in SIGS {
        let Evidence::Sig(payload, annotations) = &one(name).evidence else {
            unreachable!("{name} is a .sig layer");
        };
        seeds.write("simple_signing", name, &layer(payload, annotations));
    }
    for name in ATTS {
        let Evidence::Att(envelope, annotations) = &one(name).evidence else {
            unreachable!("{name} is an .att layer");
        };
        seeds.write("attestation", name, &layer(envelope, annotations));
    }
    seeds.edits();
    seeds.sboms();
    seeds.reviews();
}

struct Seeds<'a>(&'a Path);

impl Seeds<'_> {
    fn write(&self, target: &str, name: &str, bytes: &[u8]) {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }

    fn world(&self, seed: &Seed) {
        self.write("trusted_root", "forged", seed.trusted_root.as_bytes());
        self.write("manifest", "forged", MANIFEST);
        let key = seed.key_pem.as_deref().unwrap();
        fs::write(self.0.join("key.pem"), key).unwrap();
    }

    /// A bundle, and its parts for the targets that read only these.
    fn bundle(&self, name: &str, seed: &Seed) {
        let Evidence::Bundle(bytes) = &seed.evidence else {
            unreachable!("{name} is a bundle");
        };
        self.write("bundle", name, bytes);
        let bundle: Value = serde_json::from_slice(bytes).unwrap();
        let material = &bundle["verificationMaterial"];
        let parts = [
            ("statement", decoded(&bundle["dsseEnvelope"]["payload"])),
            ("certificate", leaf(material)),
            (
                "timestamp",
                decoded(
                    &material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"],
                ),
            ),
        ];
        for (target, part) in parts {
            // One of each is enough.
            if let Some(part) = part
                && name == BUNDLES[0]
            {
                self.write(target, name, &part);
                if target == "certificate" {
                    self.write("sct_list", name, &scts(&part));
                }
            }
        }
        let entry = &material["tlogEntries"][0];
        if let Some(body) = decoded(&entry["canonicalizedBody"]) {
            if name == BUNDLES[0] {
                self.write("json", name, &body);
            }
            // In front, which evidence it is an entry of: its place among the bundles.
            let item = u8::try_from(BUNDLES.iter().position(|other| *other == name).unwrap());
            self.write("rekor_body", name, &[&[item.unwrap()], &body[..]].concat());
        }
        if let Some(note) = entry["inclusionProof"]["checkpoint"]["envelope"].as_str()
            && ["v1-stamped", "v2"].contains(&name)
        {
            self.write("checkpoint", name, note.as_bytes());
        }
    }

    /// Questions that a real API server has asked.
    fn reviews(&self) {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../webhook/tests/recorded");
        for name in REVIEWS {
            let bytes = fs::read(recorded.join(format!("{name}.json"))).unwrap();
            self.write("review", name, &bytes);
        }
    }

    fn sboms(&self) {
        let cyclonedx = sbom::cyclonedx(3_000);
        self.write("sbom_cyclonedx", "made", cyclonedx.as_bytes());
        self.write("sbom_spdx2", "made", sbom::SPDX_2.as_bytes());
        self.write("sbom_spdx3", "made", sbom::SPDX_3.as_bytes());
    }

    /// `examine` takes the number of a seed and edits of eight bytes: none, and one of each kind.
    fn edits(&self) {
        for item in 0..9_u8 {
            let edits = (0..8_u8).flat_map(|how| [how, 0, 11 + 7 * item, how, 0, 9, 1 + item, 0]);
            let bytes: Vec<u8> = [item]
                .into_iter()
                .chain(edits.skip(8 * usize::from(item % 8)).take(8))
                .collect();
            self.write("examine", &format!("edited-{item}"), &bytes);
        }
        self.write("examine", "untouched", &[0]);
    }
}

fn layer(signed: &[u8], annotations: &BTreeMap<String, String>) -> Vec<u8> {
    let texts = ANNOTATIONS.map(|name| annotations.get(name).map_or("", String::as_str));
    let mut bytes = signed.to_vec();
    for text in texts {
        bytes.push(0);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn leaf(material: &Value) -> Option<Vec<u8>> {
    decoded(&material["certificate"]["rawBytes"])
}

/// The value of the extension 1.3.6.1.4.1.11129.2.4.2: an OCTET STRING behind the identifier.
fn scts(certificate: &[u8]) -> Vec<u8> {
    const ID: [u8; 12] = [6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    let at = certificate.windows(ID.len()).position(|bytes| bytes == ID);
    let value = &certificate[at.unwrap() + ID.len()..];
    let (start, length) = match value[1] {
        0x81 => (3, value[2]),
        short => (2, short),
    };
    assert!(value[0] == 4 && value[1] <= 0x81, "one SCT is short");
    value[start..start + usize::from(length)].to_vec()
}

fn decoded(text: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(text.as_str()?).ok()
}
