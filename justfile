# What people do here. CI runs .ci/run; the recipes share its scripts, so `just` itself is not needed.

# this list
default:
    @just --list

# the tests that need neither network nor real parts
test:
    cargo test --workspace

# the large suites whole, in release
test-full:
    .ci/test-full

# all fuzz targets, so many seconds in all
fuzz SECONDS='160':
    .ci/fuzz {{SECONDS}}

# forges anew what the fuzz targets start from
fuzz-seeds:
    cargo run -p countersign-testkit --bin fuzz-seeds -- fuzz/seeds

# forges anew the evidence for the cases of the examples in policies/, all or those named, with new keys in them
policy-tests *NAMES:
    cargo run -p countersign-testkit --bin policy-tests -- policies {{NAMES}}

# which changes of our own policies no case notices
mutate:
    cargo run -p countersign-cli -- policy test policies/tests --mutate
    cargo run -p countersign-cli -- policy test testdata/cases --root testdata --mutate --across

# everything that CI runs
ci:
    .ci/run

# end-to-end tests with real cosign, registries and Sigstore; builds what is missing
e2e *ARGUMENTS:
    .ci/e2e {{ARGUMENTS}}

# Argo CD for real: builds it where it is missing (7 minutes) and syncs repositories on disk with the webhook in place (docs/gitops.md)
e2e-gitops *ARGUMENTS:
    .ci/gitops {{ARGUMENTS}}

# container images of the webhook and of the command, without a daemon: target/image (docs/operations.md)
image OUT='target/image':
    .ci/image {{OUT}}

# builds the images twice from nothing, in two folders, and compares every byte (ten minutes)
image-reproducible:
    .ci/image-reproducible

# imports every policy in checkouts of policy-controller and Kyverno and prints what became of them (docs/import.md)
import-trial +DIRS:
    COUNTERSIGN_IMPORT_CORPUS="$(echo {{DIRS}} | tr ' ' ':')" cargo test --locked -p countersign-cli --test cli import_corpus -- --nocapture

# makes the signed images of testdata that are missing, or those named again
testdata *NAMES:
    COUNTERSIGN_E2E=1 testdata/make.sh {{NAMES}}

# 10,000 checks of 1,000 images at four registries with faults: decisions, requests, memory, latencies
load:
    cargo bench --locked -p countersign --bench load

# kills a process that writes the disk cache, 200 times: nothing is wrong or missing afterwards
kill:
    COUNTERSIGN_KILLS=200 cargo test --locked -p countersign --test cache kill

# times `examine` against its floor, and what hostile bundles, large policy sets and SBOMs cost (docs/performance.md); fails over a target
bench:
    cargo bench --locked -p countersign-core --bench examine -- --check
    cargo bench --locked -p countersign-core --bench hostile -- --check
    cargo bench --locked -p countersign-core --bench policies -- --check
    cargo bench --locked -p countersign-core --bench sbom -- --check

# counts the instructions of `examine`; fails above the committed counts
bench-instructions *FILTER:
    .ci/bench-instructions {{FILTER}}

# makes the bundles anew that bench-instructions counts over: every count changes a little
bench-fixtures:
    cargo bench --locked -p countersign-core --bench examine -- --write-fixtures

# compares `countersign verify` with `cosign verify` by hyperfine: at most a quarter of its processor time
bench-verify:
    crates/e2e/bench-verify.sh

# compares `countersign verify -f` of 200 signed images with a loop of `cosign verify` (docs/performance.md): ten times as fast, below 64 MB; `--check` fails over a target
bench-manifests *ARGUMENTS:
    COUNTERSIGN_E2E=1 cargo bench --locked -p countersign-e2e --bench manifests -- {{ARGUMENTS}}

# whether the crates that are published can be packaged; `verify` builds each from its package
package *WHAT:
    .ci/package {{WHAT}}

# formats the sources
fmt:
    cargo fmt --all
    cargo fmt --manifest-path fuzz/Cargo.toml

# clippy, with warnings as errors
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# the API's documentation, with warnings as errors
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

# bans, licences and sources of the dependencies
deny:
    .ci/deny

# known vulnerabilities of the dependencies; fetches the advisory database
advisories:
    .ci/deny advisories

# the webhook under load, beside an echo: processor time, latencies, cold decisions, memory, overload (docs/performance.md); `--check` fails over a target, `--seconds 3 --pairs 1` is a quick look
load-webhook *ARGUMENTS:
    COUNTERSIGN_E2E=1 cargo bench --locked -p countersign-e2e --bench webhook -- {{ARGUMENTS}}

# the webhook for so long under mixed load with reloads, rotations and a registry that fails
soak-webhook MINUTES='10':
    COUNTERSIGN_E2E=1 cargo bench --locked -p countersign-e2e --bench webhook -- --check --soak {{trim_start_match(MINUTES, 'MINUTES=')}}
