//! What a large policy set costs: a decision in a set of 1,000 policies of which one matches takes at most 1.5 times as long as
//! in a set of that one, and compiling the 1,000 at most 1 s (`docs/performance.md`).
//!
//! `cargo bench -p countersign-core --bench policies -- [--check]`
//!
//! Both decisions are made in turn in one run, and the middle of their ratios counts.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
// core's clippy.toml is about what core ships; this measures it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "support/stopwatch.rs"]
mod stopwatch;

use std::hint::black_box;
use std::process::ExitCode;

use countersign_core::{
    Evidence, Findings, ImageRef, Limits, NoFiles, PinnedImage, PolicySet, Request, Resolution,
    Source, UnixTime, decide, examine,
};
use countersign_testkit::forge::{Algorithm, Key};
use stopwatch::{median, timed};

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
const MANY: usize = 1000;
const MOST_TIMES: f64 = 1.5;
const MOST_SECONDS: f64 = 1.0;
/// Documents of one file: a reviewer's, and the reader's, bound is below a thousand.
const PER_FILE: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let (check, bench) = (has("--check"), has("--bench"));
    let (laps, decisions) = if bench { (25, 2000) } else { (1, 2) };

    let key = Key::generate(Algorithm::P256).public_pem();
    let many = sources(MANY, &key);
    let mut loaded = None;
    let compile =
        median((0..laps.min(5)).map(|_| timed(|| loaded = Some(load(&many))).wall.as_secs_f64()));
    let (many, one) = (loaded.unwrap(), load(&sources(1, &key)));
    let image = PinnedImage::from_bytes(MANIFEST.to_vec(), None, None, &Limits::default()).unwrap();
    let findings = examine(
        &image,
        &Evidence::default(),
        one.trust(),
        &Limits::default(),
    );
    let request = Request::named(&ImageRef::parse("registry.example/team-0/app-0:v1").unwrap());
    let run = |policies: &PolicySet| {
        let lap = timed(|| {
            for _ in 0..decisions {
                black_box(judged(policies, &request, &image, &findings));
            }
        });
        lap.on_cpu.as_secs_f64()
    };
    let ratio = median((0..laps).map(|_| {
        let alone = run(&one);
        run(&many) / alone
    }));
    println!("compile {MANY} policies: {compile:.3} s (at most {MOST_SECONDS})");
    println!("decide among {MANY} against among one: {ratio:.2} times (at most {MOST_TIMES})");
    let over = ratio > MOST_TIMES || compile > MOST_SECONDS;
    if check && over {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// One Signer, and so many policies for images of their own.
fn sources(policies: usize, key: &str) -> Vec<Source> {
    let pem = key.trim_end().replace('\n', "\n        ");
    let head = format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {{name: s}}\nspec: {{unmatched: deny, onUnknown: deny}}\n---\n\
         apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: ci}}\nspec:\n  keys:\n    - id: k\n      pem: |\n        {pem}\n  \
         log: off\n  time: none\n"
    );
    let policy = |number: usize| {
        let team = number / 10;
        format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p{number}}}\nspec:\n  \
             images: [\"registry.example/team-{team}/app-{number}\", \"registry.example/team-{team}/app-{number}/**\"]\n  \
             rules: [{{name: signed, signature: {{from: ci}}}}]\n"
        )
    };
    let numbers: Vec<usize> = (0..policies).collect();
    let mut texts: Vec<String> = numbers
        .chunks(PER_FILE)
        .map(|chunk| chunk.iter().copied().map(policy).collect())
        .collect();
    texts.push(head);
    let named = texts.into_iter().enumerate().map(|(number, text)| Source {
        name: format!("{number}.yaml"),
        text,
    });
    named.collect()
}

fn load(sources: &[Source]) -> PolicySet {
    let loaded = PolicySet::load(sources, &NoFiles, &[]);
    loaded
        .policies
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// A decision that denies: nothing is attached, so that the rules themselves cost as little as they can.
fn judged(
    policies: &PolicySet,
    request: &Request,
    image: &PinnedImage,
    findings: &Findings,
) -> usize {
    let resolution = Resolution::Examined {
        image,
        findings,
        children: &[],
    };
    let decision = decide(
        policies,
        request,
        resolution,
        UnixTime::from_seconds(1_790_000_000),
    );
    assert_eq!(decision.policies().len(), 1);
    decision.warnings().len()
}
