#!/bin/sh
# bump.sh FILE TAG: sets newTag in a kustomization, and takes the digest of the tag before away, for `countersign pin` to put in the new one.
set -eu
case $2 in
  '' | *[!0-9A-Za-z._-]*) echo "bump.sh: '$2' is no tag" >&2; exit 1 ;;
esac
if grep -q "^ *newTag: $2\$" "$1"; then
  exit 0
fi
sed -i -e "s/^\( *newTag: \).*/\1$2/" -e '/^ *digest: sha256:[0-9a-f]*$/d' "$1"
grep -q "^ *newTag: $2\$" "$1" || { echo "bump.sh: $1 has no newTag" >&2; exit 1; }
