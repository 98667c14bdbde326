#!/usr/bin/env bash
# Makes testdata/predicates/scans: what real Trivy and Grype write about images of our own, with a database of our own.
#
#   testdata/make/scanners/make.sh [BIN]
#
# BIN keeps the programs for the next time (default: they are built and thrown away). Each is pinned by go.mod and go.sum in its
# folder. Building needs Go 1.26, some 6 GB in TMPDIR and, on two cores, a quarter of an hour. Times and report ids are new each time.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-scanners.XXXXXX")
trap 'rm -rf "$work"' EXIT
bin=${1:-$work/bin}
reports=$here/../../predicates/scans
readonly here work bin reports
export GOCACHE=$work/gocache GOWORK=off CGO_ENABLED=0 GOFLAGS='-mod=readonly -trimpath -buildvcs=false' TZ=UTC

main() {
  mkdir -p "$bin" "$reports"
  build trivy github.com/aquasecurity/trivy github.com/aquasecurity/trivy/pkg/version/app.ver
  build grype github.com/anchore/grype main.version
  cd "$work"
  for image in old new bare; do
    python3 "$here/image.py" "$image" "$image"
  done
  trivy old findings
  trivy new clean
  trivy bare nothing
  grype old findings
  grype new clean
  grype bare nothing
}

build() { # TOOL MODULE VARIABLE: the scanner, and what makes its database
  local version
  cd "$here/$1"
  version=$(go list -m -f '{{.Version}}' "$2")
  [[ -x $bin/$1 ]] || GOEXPERIMENT=jsonv2 go build -ldflags "-s -w -X $3=${version#v}" -o "$bin/$1" "$2/cmd/$1"
  [[ -x $bin/$1-database ]] || go build -ldflags '-s -w' -o "$bin/$1-database" .
}

trivy() { # IMAGE NAME
  local flags=(--quiet --cache-dir "$work/trivy" --skip-db-update --skip-java-db-update --skip-check-update --offline-scan
    --skip-version-check --disable-telemetry --scanners vuln)
  [[ -e $work/trivy/db ]] || "$bin/trivy-database" "$here/advisories.json" "$work/trivy"
  "$bin/trivy" image "${flags[@]}" --input "$1" --format json --output "$reports/trivy-$2.json"
  "$bin/trivy" image "${flags[@]}" --input "$1" --format cosign-vuln --output "$reports/trivy-$2.vuln.json"
  "$bin/trivy" image "${flags[@]}" --input "$1" --format sarif --output "$reports/trivy-$2.sarif"
}

grype() { # IMAGE NAME
  export GRYPE_DB_CACHE_DIR=$work/grype GRYPE_DB_AUTO_UPDATE=false GRYPE_DB_VALIDATE_AGE=false GRYPE_CHECK_FOR_APP_UPDATE=false
  [[ -e $work/grype ]] || "$bin/grype-database" "$here/advisories.json" "$work/grype"
  "$bin/grype" --quiet "oci-dir:$1" -o "json=$reports/grype-$2.json" -o "sarif=$reports/grype-$2.sarif"
  jq -f "$here/grype-vuln.jq" "$reports/grype-$2.json" >"$reports/grype-$2.vuln.json"
}

main "$@"
