#!/bin/sh
# newest.sh REPOSITORY: the newest version tag (vMAJOR.MINOR.PATCH) of a Git repository; nothing else that stands there is a version.
set -eu
tag=$(git ls-remote --tags --refs "$1" 'v*' | sed -n 's|.*refs/tags/\(v[0-9]\{1,\}\.[0-9]\{1,\}\.[0-9]\{1,\}\)$|\1|p' | sort -V | tail -n 1)
[ -n "$tag" ] || { echo "newest.sh: $1 has no version tag" >&2; exit 1; }
echo "$tag"
