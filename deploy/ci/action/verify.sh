#!/bin/sh
# verify.sh: judges manifests and images as the environment says, with what $COUNTERSIGN names (a program: `countersign`).
#
#   COUNTERSIGN_FILES       manifests: files and folders, one a line
#   COUNTERSIGN_IMAGES      images, one a line; files or images, not both
#   COUNTERSIGN_POLICY      the policy: a file or a folder
#   COUNTERSIGN_POLICY_REF  the branch or commit that policy, registries, trust root and lock are read from; empty: what is checked out. On a pull
#                           request on GitHub and a merge request on GitLab, empty means its base
#   COUNTERSIGN_WATCH       more paths whose change is reported, such as keys outside the policy's folder, one a line
#   COUNTERSIGN_REGISTRIES, COUNTERSIGN_TRUST_ROOT ([NAME=]FILE), COUNTERSIGN_NAMESPACE   as the options of `countersign verify`
#   COUNTERSIGN_LOCKED, COUNTERSIGN_REQUIRE_DIGEST, COUNTERSIGN_ALLOW_EMPTY               `true` gives the option; the lock is $COUNTERSIGN_LOCK
#   COUNTERSIGN_FIELDS      where images are beyond what Kubernetes itself defines, one a line: values-path=…, image-field=… or pod-spec-field=…, as the options
#   COUNTERSIGN_REPORTS     FORMAT=FILE, one a line
#   COUNTERSIGN_WORK        a folder for what is fetched; it is made
# Exit codes are those of `countersign verify`; 2 is tried again (gate.sh).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
newline='
'

fail() {
  echo "countersign: $*" >&2
  exit 3
}

# NAME VALUE: whether a switch is on; a value that is neither must not pass for off.
on() {
  case $2 in
    true) return 0 ;;
    false | '') return 1 ;;
    *) fail "$1 is '$2'; it must be true or false" ;;
  esac
}

policy=${COUNTERSIGN_POLICY:-} lock=${COUNTERSIGN_LOCK:-countersign.lock} registries=${COUNTERSIGN_REGISTRIES:-} trust=${COUNTERSIGN_TRUST_ROOT:-}
work=${COUNTERSIGN_WORK:-$(mktemp -d)}
ref=${COUNTERSIGN_POLICY_REF:-${GITHUB_BASE_REF:-${CI_MERGE_REQUEST_TARGET_BRANCH_NAME:-}}}
[ -n "$policy" ] || fail "COUNTERSIGN_POLICY names no policy"
if [ -z "${COUNTERSIGN_FILES:-}" ] && [ -z "${COUNTERSIGN_IMAGES:-}" ]; then
  fail "neither files nor images are named; there is nothing to judge"
fi
if [ -n "${COUNTERSIGN_FILES:-}" ] && [ -n "${COUNTERSIGN_IMAGES:-}" ]; then
  fail "both files and images are named; use one step for each"
fi
if on COUNTERSIGN_LOCKED "${COUNTERSIGN_LOCKED:-}"; then locked=true; else locked=false; fi

base='' changed=0
if [ -n "$ref" ]; then
  name='' file=$trust
  case $trust in *=*) name=${trust%%=*}= file=${trust#*=} ;; esac
  set -- "$policy"
  [ -z "$registries" ] || set -- "$@" "$registries"
  [ -z "$file" ] || set -- "$@" "$file"
  [ "$locked" = false ] || set -- "$@" "$lock"
  set -f
  IFS=$newline
  for path in ${COUNTERSIGN_WATCH:-}; do set -- "$@" "$path"; done
  unset IFS
  set +f
  changed=$(COUNTERSIGN_POLICY_REF=$ref "$here/policy.sh" "$work/base" "$@") || exit $?
  base=$work/base/
  policy=$base$policy lock=$base$lock
  [ -z "$registries" ] || registries=$base$registries
  [ -z "$file" ] || trust=$name$base$file
fi
[ -z "${GITHUB_OUTPUT:-}" ] || echo "policy-changed=$([ "$changed" -gt 0 ] && echo true || echo false)" >>"$GITHUB_OUTPUT"

set -- "$policy"
[ -z "$registries" ] || set -- "$@" "--registries=$registries"
[ -z "$trust" ] || set -- "$@" "--trust-root=$trust"
[ -z "${COUNTERSIGN_NAMESPACE:-}" ] || set -- "$@" "--namespace=$COUNTERSIGN_NAMESPACE"
[ "$locked" = false ] || set -- "$@" --locked "--lock-file=$lock"
if on COUNTERSIGN_REQUIRE_DIGEST "${COUNTERSIGN_REQUIRE_DIGEST:-}"; then set -- "$@" --require-digest; fi
if on COUNTERSIGN_ALLOW_EMPTY "${COUNTERSIGN_ALLOW_EMPTY:-}"; then set -- "$@" --allow-empty; fi
if [ "${GITHUB_ACTIONS:-}" = true ]; then
  set -- "$@" --format=github
  [ -z "${GITHUB_STEP_SUMMARY:-}" ] || set -- "$@" "--report=markdown=$GITHUB_STEP_SUMMARY"
fi
set -f
IFS=$newline
for report in ${COUNTERSIGN_REPORTS:-}; do set -- "$@" "--report=$report"; done
for field in ${COUNTERSIGN_FIELDS:-}; do
  case $field in
    values-path=* | image-field=* | pod-spec-field=*) set -- "$@" "--$field" ;;
    *) fail "COUNTERSIGN_FIELDS has '$field'; a line begins with values-path=, image-field= or pod-spec-field=" ;;
  esac
done
for file in ${COUNTERSIGN_FILES:-}; do set -- "$@" "--filename=$file"; done
if [ -n "${COUNTERSIGN_IMAGES:-}" ]; then
  set -- "$@" --
  for image in $COUNTERSIGN_IMAGES; do set -- "$@" "$image"; done
fi
unset IFS
exec "$here/../gate.sh" "$@"
