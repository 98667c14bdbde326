#!/bin/sh
# pre-commit.sh verify|pin [OPTION=VALUE...] -- FILE...: what the hooks of .pre-commit-hooks.yaml run on the files of a commit.
#
# Options end with `--`, so that a file whose name begins like an option is a file. It needs `countersign` on the PATH (or $COUNTERSIGN).
# Exit codes are those of `countersign verify` and `countersign pin --check`.
set -eu
command=${1:-}
case $command in
  verify) option=--allow-empty ;;
  pin) option=--check ;;
  *)
    echo "usage: pre-commit.sh verify|pin [OPTION=VALUE...] -- FILE..." >&2
    exit 3
    ;;
esac
shift
left=$# files=false
# Each word is taken from the front and put back at the end, once: files as options of their own.
while [ "$left" -gt 0 ]; do
  left=$((left - 1)) word=$1
  shift
  if [ "$files" = true ]; then
    set -- "$@" "--filename=$word"
  elif [ "$word" = -- ]; then
    files=true
  else
    set -- "$@" "$word"
  fi
done
if [ "$files" = false ]; then
  echo "countersign: the hook's args must end with '--', as in args: [--policy=policies, --]" >&2
  exit 3
fi
exec "${COUNTERSIGN:-countersign}" "$command" "$option" "$@"
