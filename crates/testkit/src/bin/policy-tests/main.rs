//! `policy-tests FOLDER [NAME…]`: the cases of the examples in `policies/` (FOLDER is that folder), with evidence that is forged
//! for them, of all examples or of those named.
//!
//! Each example gets a Sigstore of its own, which its cases name in place of the public-good one, and new keys, whose public
//! halves are written into the example. All private halves are thrown away: whoever copies an example trusts nobody.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

mod break_glass;
mod case;
mod gate;
mod gates;
mod github;
mod keyed;
mod layout;
mod promotion;
mod provenance;
mod sbom;
mod signed;

use std::path::Path;

use case::Example;

/// An example's name, how many keys it has, and what writes its cases.
type Maker = (&'static str, usize, fn(&Example));

const EXAMPLES: [Maker; 13] = [
    ("air-gapped", 3, keyed::air_gapped),
    ("baseline", 1, keyed::baseline),
    ("break-glass", 4, break_glass::break_glass),
    ("gates", 0, gates::gates),
    ("gates-promotion", 0, gates::gates_promotion),
    ("github-actions", 0, signed::github_actions),
    ("key-rotation", 2, keyed::key_rotation),
    ("promotion", 0, promotion::promotion),
    ("reusable-workflow", 0, signed::reusable_workflow),
    ("sbom-licenses", 0, sbom::sbom_licenses),
    ("slsa-provenance", 0, provenance::slsa_provenance),
    ("testdata-keyed", 0, keyed::testdata_keyed),
    ("two-signers", 1, signed::two_signers),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: policy-tests FOLDER [NAME...]");
        std::process::exit(2);
    };
    let wanted: Vec<String> = arguments.collect();
    for (name, keys, make) in EXAMPLES {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            make(&Example::new(Path::new(&folder), name, keys));
        }
    }
}
