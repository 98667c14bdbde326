#!/bin/sh
# gate.sh POLICY IMAGE...: the step of a CI pipeline that lets only images through that may run.
#
# It runs `countersign verify` (or what $COUNTERSIGN names) and passes its exit code on:
#   0 allowed   1 denied   2 could not tell   3 wrong usage or bad policy
# Only 2 is worth another try, since a registry may answer later: $COUNTERSIGN_TRIES times (3) with $COUNTERSIGN_PAUSE seconds (5)
# between. A denial is final, and "could not tell" never becomes an allow.
set -u
if [ $# -lt 2 ]; then
  echo "usage: gate.sh POLICY IMAGE..." >&2
  exit 3
fi
policy=$1
shift
tries=${COUNTERSIGN_TRIES:-3}
while :; do
  "${COUNTERSIGN:-countersign}" verify --policy "$policy" "$@"
  code=$?
  tries=$((tries - 1))
  if [ "$code" -ne 2 ] || [ "$tries" -le 0 ]; then
    exit "$code"
  fi
  echo "gate.sh: could not tell; trying again in ${COUNTERSIGN_PAUSE:-5} s" >&2
  sleep "${COUNTERSIGN_PAUSE:-5}"
done
