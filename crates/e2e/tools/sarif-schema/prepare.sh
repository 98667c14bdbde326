#!/usr/bin/env bash
# prepare.sh: writes schema.go from the source of go-sarif, before this program is built.
set -euo pipefail
source=$(go list -f '{{.Dir}}' github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif)/schema.go
grep -q '^const schema = `{$' "$source" || { echo "$source has no constant 'schema' any more" >&2; exit 1; }
sed 's/^package sarif$/package main/' "$source" >schema.go
