#!/bin/sh
# fetch.sh VERSION FOLDER: brings the archive of a release, compares its sha256, unpacks it into FOLDER and prints the path of the program.
#
# The sha256 is the one that the file `checksums` beside this script carries, or $COUNTERSIGN_SHA256 where the caller has pinned one. Whoever serves the
# archive need not be trusted, so $COUNTERSIGN_RELEASES may name a mirror. Nothing is compiled, and nothing is unpacked before the sha256 is right.
#   0 there   2 it could not be brought   3 wrong usage, an unknown release or another sha256
set -eu

fail() {
  code=$1
  shift
  echo "countersign: $*" >&2
  exit "$code"
}

[ $# -eq 2 ] || fail 3 "usage: fetch.sh VERSION FOLDER"
version=$1 folder=$2
case $version in
  '' | *[!0-9A-Za-z.-]*) fail 3 "'$version' is no version; write one such as 0.1.0" ;;
esac
case $(uname -s)/$(uname -m) in
  Linux/x86_64) target=x86_64-unknown-linux-gnu ;;
  Linux/aarch64 | Linux/arm64) target=aarch64-unknown-linux-gnu ;;
  *) fail 3 "there is no archive for $(uname -s) on $(uname -m); releases are for Linux on x86_64 and aarch64" ;;
esac
name=countersign-$version-$target.tar.gz
wanted=${COUNTERSIGN_SHA256:-}
if [ -z "$wanted" ]; then
  wanted=$(awk -v name="$name" '$2 == name { print $1; exit }' "$(dirname "$0")/checksums")
  [ -n "$wanted" ] || fail 3 "no sha256 of $name is known here; use a commit of the action that follows the release, or give one (sha256)"
fi
case $wanted in
  *[!0-9a-f]*) fail 3 "'$wanted' is no sha256; write 64 digits in lower case" ;;
esac
[ ${#wanted} -eq 64 ] || fail 3 "'$wanted' is no sha256; write 64 digits in lower case"

mkdir -p "$folder"
archive=$folder/$name.part
trap 'rm -f "$archive"' EXIT
url=${COUNTERSIGN_RELEASES:-https://github.com/countersign-dev/countersign/releases/download}/v$version/$name
curl --fail --silent --show-error --location --proto '=https,http' --retry 3 --max-time 300 --max-filesize 200000000 --output "$archive" "$url" ||
  fail 2 "$url could not be brought"
found=$(sha256sum "$archive" | cut -d ' ' -f 1)
[ "$found" = "$wanted" ] ||
  fail 3 "$url is not the archive that was released: its sha256 is $found, and it should be $wanted. Nothing of it was run."
tar -xzf "$archive" -C "$folder" --no-same-owner
[ -x "$folder/countersign" ] || fail 3 "$name holds no program 'countersign'"
echo "$folder/countersign"
