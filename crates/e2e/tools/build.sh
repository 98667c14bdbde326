#!/usr/bin/env bash
# build.sh [TOOL...]: builds the real parts that the end-to-end tests run, where they are missing (default: all).
#
# Each part is pinned by <folder>/go.mod and go.sum beside this file. Binaries go to
# ${COUNTERSIGN_LAB_BIN:-~/.cache/countersign-lab/bin}, each with a stamp (.TOOL.pin) that holds the hash of what pins
# it: a changed pin builds anew. A binary without a stamp is taken where `go version -m` shows the pinned module.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${COUNTERSIGN_LAB_BIN:-$HOME/.cache/countersign-lab/bin}

# tool  folder  package (`.`: a program of our own)
parts='
actionlint          actionlint          github.com/rhysd/actionlint/cmd/actionlint
ctstub              ctstub              .
crane               crane               github.com/google/go-containerregistry/cmd/crane
registry            crane               github.com/google/go-containerregistry/cmd/registry
referrers-registry  referrers-registry  .
docker-registry     docker-registry     .
rekor-server        rekor-server        github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix
timestamp-server    timestamp-server    github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server
fulcio              fulcio              github.com/sigstore/fulcio
cosign2             cosign2             github.com/sigstore/cosign/v2/cmd/cosign
cosign3             cosign3             github.com/sigstore/cosign/v3/cmd/cosign
syft                syft                github.com/anchore/syft/cmd/syft
etcd                etcd                go.etcd.io/etcd/server/v3
kube-apiserver      kubernetes          k8s.io/kubernetes/cmd/kube-apiserver
kube-controller-manager  kubernetes     k8s.io/kubernetes/cmd/kube-controller-manager
kubectl             kubectl             k8s.io/kubernetes/cmd/kubectl
helm                helm                helm.sh/helm/v4/cmd/helm
reference           reference           .
'

main() {
  local tool folder package wanted started
  command -v go >/dev/null || fail "go is not installed; the parts are Go programs (1.26 or newer)"
  for wanted in "$@"; do
    grep -q "^$wanted " <<<"$parts" || fail "unknown tool '$wanted'; known:$(awk 'NF {printf " %s", $1}' <<<"$parts")"
  done
  mkdir -p "$bin"
  # A build cache of our own: it grows to gigabytes, and is of no use once the binaries are there.
  cache=$(mktemp -d "${TMPDIR:-/tmp}/countersign-parts.XXXXXX")
  trap 'rm -rf "$cache"' EXIT
  export GOCACHE=$cache GOFLAGS='-mod=readonly -trimpath -buildvcs=false' GOWORK=off CGO_ENABLED=0

  while read -r tool folder package; do
    [[ -n $tool ]] || continue
    (($# == 0)) || [[ " $* " == *" $tool "* ]] || continue
    if current "$tool" "$folder" "$package"; then
      echo "$tool: as pinned"
      continue
    fi
    started=$SECONDS
    build "$tool" "$folder" "$package"
    echo "$tool: built in $((SECONDS - started)) s"
  done <<<"$parts"
}

# What the linker writes into the program. Kubernetes serves nothing until it knows its own version, which its releases get so.
ldflags() {
  local folder=$1 version prefix=k8s.io/component-base/version
  [[ $folder == kubernetes || $folder == kubectl ]] || return 0
  version=$(awk '$1 == "k8s.io/kubernetes" {print $2}' "$here/$folder/go.mod")
  [[ $version =~ ^v([0-9]+)\.([0-9]+)\. ]] || fail "$folder/go.mod pins no version of k8s.io/kubernetes"
  echo "-s -w -X $prefix.gitVersion=$version -X $prefix.gitMajor=${BASH_REMATCH[1]} -X $prefix.gitMinor=${BASH_REMATCH[2]}"
}

# The hash of everything of ours that decides what the binary is.
pin() {
  local folder=$1 package=$2
  (cd "$here/$folder" && { echo "$package"; ldflags "$folder"; cat go.mod; find . -name go.sum -o -name '*.go' | sort | xargs -r cat; } | sha256sum | cut -d' ' -f1)
}

current() {
  local tool=$1 folder=$2 package=$3
  [[ -x $bin/$tool ]] || return 1
  if [[ -f $bin/.$tool.pin ]]; then
    [[ $(<"$bin/.$tool.pin") == "$(pin "$folder" "$package")" ]]
    return
  fi
  [[ $package != . ]] || return 1
  local built
  built=$(go version -m "$bin/$tool" 2>/dev/null | awk '$1 == "path" {path = $2} $1 == "mod" {module = $2 " " $3} END {print path, module}')
  # The requirement whose module path is a prefix of the package's.
  awk -v package="$package" '$1 != "module" && $2 ~ /^v/ && index(package "/", $1 "/") == 1 {print package, $1, $2}' "$here/$folder/go.mod" |
    grep -qxF "$built"
}

build() {
  local tool=$1 folder=$2 package=$3 temporary=$bin/.$1.$$
  cd "$here/$folder"
  if [[ $package == . ]]; then
    go vet . && go test . >/dev/null || fail "$tool: its own tests fail"
  fi
  go build -ldflags "$(ldflags "$folder")" -o "$temporary" "$package" || { rm -f "$temporary"; fail "$tool: the build failed"; }
  rm -f "$bin/.$tool.pin"
  mv -f "$temporary" "$bin/$tool"
  pin "$folder" "$package" >"$bin/.$tool.pin"
}

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

main "$@"
