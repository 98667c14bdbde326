//! sigstore-rust's own verifier as the oracle: what it refuses we refuse, and each divergence stands with its reason in
//! `testdata/conformance/divergences.json`. And no mutation of a signed part is ever accepted.
//!
//! Both are asked whether a bundle verifies at all, by any identity and by any key at hand: what a signer must be is policy.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs
)]

#[path = "oracle/divergences.rs"]
mod divergences;
#[path = "oracle/judge.rs"]
mod judge;
#[path = "oracle/real.rs"]
mod real;

use std::collections::BTreeSet;

use countersign_testkit::faults::{self, Evidence};
use countersign_testkit::mutate::{self, Mutation, Seed};
use countersign_testkit::{gate, mutate::Swap};

use crate::divergences::Divergences;
use crate::judge::{Bench, Tally, Verdict, judge_all};
use crate::real::Bundled as _;

#[test]
fn the_catalogue_is_judged_alike() {
    let mut verdicts = Vec::new();
    for case in faults::all() {
        let forged = case.forge();
        let Evidence::Bundle(bundle) = &forged.evidence else {
            continue;
        };
        let bench = Bench::new(
            faults::MANIFEST,
            &forged.trusted_root,
            &[forged.key_pem.as_str()],
        );
        verdicts.push(bench.compare(case.name, bundle));
    }
    assert!(verdicts.len() > 200, "{} cases", verdicts.len());
    Divergences::of("catalogue").hold(&verdicts, true);
}

#[test]
fn real_images_are_judged_alike() {
    let bundles = real::bundles_of_images();
    assert!(bundles.len() > 30, "{} bundles", bundles.len());
    let verdicts: Vec<Verdict> = bundles
        .iter()
        .map(|seed| Bench::of(seed).compare(&seed.name, seed.bundle()))
        .collect();
    Divergences::of("images").hold(&verdicts, true);
}

#[test]
fn the_public_data_is_judged_alike() {
    let Some(corpus) = gate::corpus() else {
        return;
    };
    let cases = real::conformance_cases(&corpus);
    assert!(cases.len() >= 70, "only {} cases", cases.len());
    let bundles = real::slsa_bundles(&corpus);
    assert!(!bundles.is_empty());
    let verdicts: Vec<Verdict> = cases
        .iter()
        .chain(&bundles)
        .map(|seed| Bench::of(seed).compare(&seed.name, seed.bundle()))
        .collect();
    Divergences::of("public data").hold(&verdicts, true);
}

/// Bundles of every kind, with one thing changed.
#[test]
fn mutated_bundles_are_judged_alike() {
    let seeds: Vec<Seed> = mutate::seeds().into_iter().filter(is_bundle).collect();
    let mut suite = Suite::default();
    suite.mutate(&seeds);
    suite.end("mutations", 10_000);
}

/// cosign's own bundles, with one thing changed.
#[test]
fn mutated_bundles_of_real_images_are_judged_alike() {
    const SOME: [&str; 4] = [
        "signed-keyless-0",
        "signed-keyed-logged-0",
        "signed-keyed-0",
        "attested-keyless-0",
    ];
    let mut seeds = real::bundles_of_images();
    seeds.retain(|seed| SOME.contains(&seed.name.as_str()));
    assert_eq!(seeds.len(), SOME.len());
    let mut suite = Suite::default();
    suite.mutate(&seeds);
    suite.end("mutations of images", 2_000);
}

/// The valid bundles of the public suite, with one thing changed.
#[test]
fn mutated_bundles_of_the_public_suite_are_judged_alike() {
    let Some(corpus) = gate::corpus() else {
        return;
    };
    let mut seeds = real::conformance_cases(&corpus);
    seeds.retain(|seed| !seed.name.ends_with("_fail"));
    assert!(seeds.len() >= 20, "{} valid cases", seeds.len());
    let mut suite = Suite::default();
    suite.mutate(&seeds);
    suite.end("mutations of public data", 10_000);
}

/// Each part of one valid bundle in another.
#[test]
fn parts_of_other_bundles_are_judged_alike() {
    let seeds = mutate::swap_seeds();
    let benches: Vec<Bench> = seeds.iter().map(Bench::of).collect();
    let mut suite = Suite::default();
    let jobs = mutate::swaps(&seeds)
        .into_iter()
        .map(|Swap { into, mutation }| {
            let at = seeds
                .iter()
                .position(|seed| seed.name == into.name)
                .unwrap();
            (&benches[at], mutation)
        });
    suite.run(jobs);
    suite.end("swaps", 2_000);
}

/// Statements, bodies and leaves with one thing odd, and every signature sound.
#[test]
fn what_is_odd_and_signed_is_judged_alike() {
    let seed = mutate::seed("v1");
    let bench = Bench::of(&seed);
    let mut suite = Suite::default();
    suite.run(mutate::signed_anew().into_iter().map(|one| (&bench, one)));
    suite.end("signed anew", 1_000);
}

/// cosign's layers, which the oracle does not know.
#[test]
fn no_mutation_of_a_signed_part_of_a_layer_verifies() {
    let mut seeds: Vec<Seed> = mutate::seeds();
    seeds.retain(|seed| !is_bundle(seed));
    seeds.extend(real::layers_of_images());
    assert!(seeds.len() > 10, "{} layers", seeds.len());
    let mut suite = Suite::default();
    suite.mutate(&seeds);
    suite.end("layers", 5_000);
}

fn is_bundle(seed: &Seed) -> bool {
    matches!(seed.evidence, Evidence::Bundle(_))
}

/// One suite of mutations: a tenth of it, or under `COUNTERSIGN_FULL=1` the whole.
#[derive(Default)]
struct Suite {
    names: BTreeSet<String>,
    verdicts: Vec<Verdict>,
    tally: Tally,
}

impl Suite {
    fn mutate(&mut self, seeds: &[Seed]) {
        let benches: Vec<Bench> = seeds.iter().map(Bench::of).collect();
        for (seed, bench) in seeds.iter().zip(&benches) {
            let verdict = bench.compare_evidence(&seed.name, &seed.evidence);
            assert_eq!(verdict.ours, Ok(()), "{} must verify untouched", seed.name);
            self.verdicts.push(verdict);
        }
        let all = seeds.iter().zip(&benches);
        self.run(
            all.flat_map(|(seed, bench)| mutate::of(seed).into_iter().map(move |one| (bench, one))),
        );
    }

    fn run<'s>(&mut self, jobs: impl Iterator<Item = (&'s Bench, Mutation<'s>)>) {
        let mut sample = Vec::new();
        for (bench, mutation) in jobs {
            let is_new = self.names.insert(mutation.name().to_owned());
            assert!(is_new, "two mutations are called {}", mutation.name());
            if gate::runs(self.names.len()) {
                sample.push((bench, mutation));
            }
        }
        let (verdicts, tally) = judge_all(&sample);
        self.verdicts.extend(verdicts);
        self.tally.add(&tally);
    }

    /// Every divergence is listed, and no mutation of a signed part was accepted.
    fn end(self, name: &str, at_least: usize) {
        let Self {
            names,
            verdicts,
            tally,
        } = self;
        eprintln!("{name}: {tally} (of {} in all)", names.len());
        assert!(names.len() >= at_least, "{name}: only {}", names.len());
        let most_are_signed = tally.signed > tally.unsigned;
        assert!(most_are_signed || name == "signed anew", "{name}: {tally}");
        let accepted: Vec<&Verdict> = verdicts
            .iter()
            .filter(|verdict| verdict.signed && verdict.ours.is_ok())
            .collect();
        assert!(accepted.is_empty(), "{name}: accepted: {accepted:#?}");
        Divergences::of(name).hold(&verdicts, gate::full());
    }
}
