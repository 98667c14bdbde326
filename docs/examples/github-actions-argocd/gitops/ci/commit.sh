#!/bin/sh
# commit.sh PATCH BRANCH MESSAGE: commits a patch that changes one line or two of overlays/ and nothing else, on a branch of its own, and pushes it.
set -eu
patch=$1 branch=$2 message=$3
# Who made the patch ran more code than we do.
git apply --numstat "$patch" | while read -r added removed path; do
  case $path in
    overlays/*/kustomization.yaml) [ "$added" -le 2 ] && [ "$removed" -le 2 ] ;;
    *) false ;;
  esac || { echo "commit.sh: the patch changes $path by more than a tag and a digest" >&2; exit 1; }
done
git switch --quiet --create "$branch"
git apply --index "$patch"
git -c user.name=update -c user.email=update@users.noreply.github.com commit --quiet --message "$message"
git push --quiet origin "$branch"
