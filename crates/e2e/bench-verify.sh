#!/usr/bin/env bash
# bench-verify.sh: `countersign verify` beside `cosign verify` of the same keyed, signed image in a registry on loopback,
# by hyperfine in one run. Fails unless countersign takes at most a quarter of cosign's user and system time, and less
# than 30 MB of memory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
bin=${COUNTERSIGN_LAB_BIN:-$HOME/.cache/countersign-lab/bin}
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-bench.XXXXXX")
registry=
trap '[[ -z $registry ]] || kill "$registry"; rm -rf "$work"' EXIT

"$here/tools/build.sh" registry crane cosign3
hyperfine=$("$root/.ci/tool" hyperfine 1.20.0)/hyperfine
cargo build --release --locked --quiet --manifest-path "$root/Cargo.toml" -p countersign-cli
countersign=${CARGO_TARGET_DIR:-$root/target}/release/countersign

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/registry" -port "$port" 2>"$work/registry.log" &
registry=$!
for ((tries = 0; tries < 50; tries++)); do
  (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done

cd "$work"
export COSIGN_PASSWORD='' TUF_ROOT=$work/tuf
"$bin/cosign3" generate-key-pair 2>/dev/null
"$bin/cosign3" signing-config create --out no-services.json
"$bin/cosign3" trusted-root create --out no-roots.json
echo layer >file && tar -cf layer.tar file
image=$("$bin/crane" append --insecure --oci-empty-base -f layer.tar -t "127.0.0.1:$port/acme/app:v1" 2>/dev/null)
"$bin/cosign3" sign --key cosign.key --signing-config no-services.json --trusted-root no-roots.json \
  --allow-http-registry -y "$image" >/dev/null 2>&1

cat >policy.yaml <<'YAML'
apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {name: bench}
spec: {unmatched: deny}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {name: release}
spec:
  keys: [{id: bench, file: cosign.pub}]
  log: off
  time: none
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {name: signed}
spec:
  images: ["**"]
  rules: [{name: signed, signature: {from: release}}]
YAML

"$hyperfine" --shell none --warmup 3 --runs 30 --export-json times.json \
  -n countersign "$countersign verify $image --policy policy.yaml --plain-http" \
  -n cosign "$bin/cosign3 verify --key cosign.pub --insecure-ignore-tlog --allow-http-registry --trusted-root no-roots.json $image"

python3 - times.json "$countersign" verify "$image" --policy policy.yaml --plain-http <<'PYTHON'
import json, resource, subprocess, sys
ours, theirs = (r["user"] + r["system"] for r in json.load(open(sys.argv[1]))["results"])
print(f"countersign {ours * 1000:.1f} ms, cosign {theirs * 1000:.1f} ms of user and system time: {ours / theirs:.2f}")
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
# The peak of the largest child; never less than python's own before the child's `exec`, which is far below the limit.
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"countersign takes at most {peak:.1f} MiB of memory")
sys.exit(ours > theirs / 4 or peak >= 30)
PYTHON
