#!/bin/sh
# policy.sh FOLDER PATH...: puts the tree of $COUNTERSIGN_POLICY_REF into FOLDER, and reports which of PATHs differ in what is checked out.
#
# A pull request must not be judged by what it brings along: policies, keys, trust roots, registries and countersign.lock come from the branch that it asks
# to be merged into. The whole tree is written, since policies name keys by paths. What differs is told (as annotations on GitHub) and not used.
# It prints how many of PATHs' files differ.
#   0 there   2 the ref could not be fetched   3 wrong usage, no such ref, or it lacks a PATH
set -eu

fail() {
  code=$1
  shift
  echo "countersign: $*" >&2
  exit "$code"
}

[ $# -ge 2 ] || fail 3 "usage: policy.sh FOLDER PATH..."
folder=$1
shift
ref=${COUNTERSIGN_POLICY_REF:-}
[ -n "$ref" ] || fail 3 "COUNTERSIGN_POLICY_REF names no branch, tag or commit"
case $ref in
  -* | *[!0-9A-Za-z._/-]* | *..*) fail 3 "'$ref' is no name of a branch, a tag or a commit" ;;
esac
for path in "$@"; do
  case $path in
    '' | /* | -* | .. | ../* | */.. | */../*) fail 3 "'$path' is no path in the repository" ;;
  esac
done

# Names of files that git quotes hold no line break; filters and drivers that what is checked out asks for are not run.
git() { command git -c core.quotePath=true -c core.fsmonitor=false "$@"; }
export GIT_LITERAL_PATHSPECS=1
prefix=$(git rev-parse --show-prefix) || fail 3 "this is no git repository, so there is no '$ref' to read policies from"
[ -z "$prefix" ] || fail 3 "run this at the top of the repository, not in $prefix"

# The remote is asked first: what is here may be older. A checkout without credentials has what it has.
commit='' said=''
if said=$(git fetch --quiet --no-tags --depth=1 origin "$ref" 2>&1); then
  commit=$(git rev-parse --verify --quiet 'FETCH_HEAD^{commit}')
else
  for known in "refs/remotes/origin/${ref#refs/heads/}" "$ref"; do
    # A bare name would also find a branch of the checkout, which may be the pull request's own.
    case $known in
      refs/remotes/* | refs/tags/*) ;;
      *) [ "${#known}" -eq 40 ] && [ -z "$(printf %s "$known" | tr -d 0-9a-f)" ] || continue ;;
    esac
    commit=$(git rev-parse --verify --quiet "$known^{commit}") && break || commit=''
  done
fi
[ -n "$commit" ] || fail 2 "$said
countersign: '$ref' can neither be fetched nor is it here; give the checkout 'fetch-depth: 0', or credentials to fetch"

for path in "$@"; do
  git cat-file -e "$commit:${path%/}" 2>/dev/null ||
    fail 3 "$path is not in '$ref' ($commit). What a pull request brings along judges nothing: merge it first, in a pull request of its own."
done

rm -rf "$folder"
mkdir -p "$folder"
# Attributes are those of the archived tree, not of what is checked out.
git archive --format=tar -o "$folder.tar" "$commit"
tar -xf "$folder.tar" -C "$folder" --no-same-owner
rm -f "$folder.tar"

differ=$(git diff --no-ext-diff --no-textconv --no-renames --name-only "$commit" HEAD -- "$@")
count=0
if [ -n "$differ" ]; then
  count=$(printf '%s\n' "$differ" | wc -l)
  printf '%s\n' "$differ" | while IFS= read -r path; do
    if [ "${GITHUB_ACTIONS:-}" = true ]; then
      name=$(printf %s "$path" | sed 's/%/%25/g; s/:/%3A/g; s/,/%2C/g')
      echo "::warning file=$name,title=policy not used::This file differs from the one in $ref, by which images are judged here. What it says counts after it is merged." >&2
    else
      echo "warning: $path differs from the one in $ref ($commit), by which images are judged here; what it says counts after it is merged" >&2
    fi
  done
fi
echo "$((count))"
