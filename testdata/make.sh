#!/usr/bin/env bash
# Makes the OCI layouts of testdata/images with real cosign 2 and cosign 3 against a private Sigstore on loopback.
#
#   testdata/make.sh            makes the layouts that are missing
#   testdata/make.sh NAME...    makes these again
#
# README.md says what each layout holds. The keys are derived from their names and the authorities' certificates are
# kept in testdata/trust, so that what is made later verifies under the same trusted root as what is there already.
# shellcheck disable=SC2153 # REGISTRY is set by the lab
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")"
work=$(mktemp -d)
readonly work images=$PWD/images
export COSIGN_PASSWORD='' SOURCE_DATE_EPOCH=0 LC_ALL=C TZ=UTC
export TUF_ROOT=$work/tuf # nobody's real Sigstore cache
readonly no_services=$work/no-services.json

# Each is one function below, `-` for `_`. Order matters: those of platforms and the tampered ones are made from others.
readonly all=(
  unsigned
  signed-keyed signed-keyed-referrers signed-keyed-logged signed-keyed-p384 signed-keyed-rsa
  signed-keyed-legacy signed-keyed-legacy-p384 signed-keyed-legacy-rsa signed-keyed-legacy-ed25519
  signed-keyed-legacy-ed25519ph
  signed-keyless signed-keyless-workflow signed-keyless-other signed-keyless-legacy
  signed-index foreign-signed two-tags
  attested-keyed attested-keyed-legacy attested-keyless attested-keyless-legacy attested-only
  saved-by-cosign2 saved-by-cosign3
  scanned-trivy scanned-trivy-clean scanned-grype scanned-grype-clean
  platforms-signed platforms-one-signed platforms-evil-child platforms-nested
  tampered-signature tampered-signature-legacy tampered-payload tampered-payload-legacy
  tampered-moved tampered-moved-legacy tampered-tag
  tampered-certificate tampered-certificate-legacy tampered-log-entry tampered-timestamp tampered-timestamp-legacy
)
readonly developer=dev@acme.example
readonly workflow=acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main

main() {
  trap stop EXIT
  local names=("$@")
  if ((${#names[@]} == 0)); then
    for name in "${all[@]}"; do
      [[ -d $images/$name ]] || names+=("$name")
    done
  fi
  ((${#names[@]})) || { echo 'nothing is missing'; return; }
  start
  for name in "${names[@]}"; do
    [[ " ${all[*]} " == *" $name "* ]] || { echo "unknown layout $name" >&2; exit 3; }
    echo "== $name"
    rm -rf "${images:?}/$name"
    "${name//-/_}" # the functions below use $name too
    readme
  done
}

# --- the layouts ---------------------------------------------------------------------------------------------------

unsigned() { push "$REGISTRY"; save; } # an image and nothing else

# cosign 3 with a key and no log; found by the referrers tag schema, or by the referrers API
signed_keyed() { push "$REGISTRY"; keyed3 release sign; save; }
signed_keyed_referrers() { push "$REGISTRY_REFERRERS"; keyed3 release sign; save; }
signed_keyed_p384() { push "$REGISTRY"; keyed3 release-p384 sign; save; }
signed_keyed_rsa() { push "$REGISTRY"; keyed3 release-rsa sign; save; }

# the same with Rekor v2 entry and timestamp
signed_keyed_logged() { push "$REGISTRY"; logged3 release sign; save; }

# cosign 2 with a key: `.sig`
signed_keyed_legacy() { push "$REGISTRY"; keyed2 release sign; save; }
signed_keyed_legacy_p384() { push "$REGISTRY"; keyed2 release-p384 sign; save; }
signed_keyed_legacy_rsa() { push "$REGISTRY"; keyed2 release-rsa sign; save; }
signed_keyed_legacy_ed25519() { push "$REGISTRY"; attached2 release-ed25519; save; }
signed_keyed_legacy_ed25519ph() { push "$REGISTRY"; keyed2 release-ed25519 sign; save; }

# cosign 3 with certificate, Rekor v2 entry and timestamp; cosign 2 with certificate and timestamp
signed_keyless() { push "$REGISTRY"; keyless3 "$developer" sign; save; }
signed_keyless_workflow() { push "$REGISTRY_REFERRERS"; keyless3 "$workflow" sign; save; }
signed_keyless_other() { push "$REGISTRY"; keyless3 mallory@evil.example sign; keyless2 mallory@evil.example sign; save; }
signed_keyless_legacy() { push "$REGISTRY"; keyless2 "$developer" sign; save; }

signed_index() { # the index is signed, its two platforms are not
  push_index "$REGISTRY"; keyed3 release sign; keyed2 release sign; save
}

foreign_signed() { # both formats, by a key that nobody trusts
  push "$REGISTRY"; keyed3 foreign sign; keyed2 foreign sign; save
}

# signature and four attestations of one kind each
attested_keyed() { push "$REGISTRY_REFERRERS"; keyed3 release sign; attest keyed3 release; save; }
attested_keyed_legacy() { push "$REGISTRY"; keyed2 release sign; attest keyed2 release; save; }
attested_keyless() { push "$REGISTRY"; keyless3 "$workflow" sign; attest keyless3 "$workflow"; save; }
attested_keyless_legacy() { push "$REGISTRY"; keyless2 "$workflow" sign; attest keyless2 "$workflow"; save; }

attested_only() { # an SBOM in both formats by the right key, and no signature: CVE-2022-35929
  push "$REGISTRY"
  keyed3 release attest --type cyclonedx --predicate predicates/sbom.cdx.json
  keyed2 release attest --type cyclonedx --predicate predicates/sbom.cdx.json
  save
}

# `cosign save`: entries by `kind`, without names; cosign 3 does not even list the bundles' manifests
saved_by_cosign2() { push "$REGISTRY"; keyed2 release sign; attest keyed2 release; cosign_save "$COSIGN2"; }
saved_by_cosign3() { push "$REGISTRY"; keyed3 release sign; attest keyed3 release; cosign_save "$COSIGN3"; }

# what Trivy and Grype wrote of images with vulnerabilities, and without
scanned_trivy() { scanned trivy-findings; }
scanned_trivy_clean() { scanned trivy-clean; }
scanned_grype() { scanned grype-findings; }
scanned_grype_clean() { scanned grype-clean; }

# an index over others of these images, with what is attached to them and nothing on the index
platforms_signed() { compose; }
platforms_one_signed() { compose; }
platforms_evil_child() { compose; }
platforms_nested() { compose; }

tampered_signature() { tamper; }
tampered_signature_legacy() { tamper; }
tampered_payload() { tamper; }
tampered_payload_legacy() { tamper; }
tampered_moved() { tamper; }
tampered_moved_legacy() { tamper; }
tampered_tag() { tamper; }
two_tags() { tamper; } # one folder, two images
tampered_certificate() { tamper; }
tampered_certificate_legacy() { tamper; }
tampered_log_entry() { tamper; }
tampered_timestamp() { tamper; }
tampered_timestamp_legacy() { tamper; }

# --- steps ---------------------------------------------------------------------------------------------------------

push() { # REGISTRY [VARIANT]: a tiny image whose one layer holds its name; sets $image to repository@digest
  local layer=$work/layer.tgz
  registry=$1
  mkdir -p "$work/layer"
  echo "countersign testdata: $name${2:+ $2}" >"$work/layer/name"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r -C "$work/layer" -c name | gzip -n9 >"$layer"
  image=$("$CRANE" append --insecure --oci-empty-base -f "$layer" -t "$registry/acme/$name:v1" 2>/dev/null)
}

push_index() { # REGISTRY: an index over two platforms; sets $image to repository@digest
  local platform children=()
  for platform in linux/amd64 linux/arm64; do
    push "$1" "$platform"
    children+=(-m "$("$CRANE" mutate --insecure --set-platform "$platform" "$image" 2>/dev/null)")
  done
  "$CRANE" index append --insecure "${children[@]}" -t "$registry/acme/$name:v1" >/dev/null 2>&1
  image=$registry/acme/$name@$("$CRANE" digest --insecure "$registry/acme/$name:v1")
}

keyed3() { # KEY COMMAND...: cosign 3, a bundle without log entry and timestamp
  "$COSIGN3" "$2" --signing-config "$no_services" --trusted-root "$TRUSTED_ROOT" --key "$(key "$1")" "${@:3}" \
    --allow-http-registry -y "$image" 2>&1
}

logged3() { # KEY COMMAND...: cosign 3, a bundle with Rekor v2 entry and timestamp
  "$COSIGN3" "$2" --signing-config "$SIGNING_CONFIG" --trusted-root "$TRUSTED_ROOT" --key "$(key "$1")" "${@:3}" \
    --allow-http-registry -y "$image" 2>&1
}

keyless3() { # IDENTITY COMMAND...: cosign 3, a bundle with certificate, Rekor v2 entry and timestamp
  "$COSIGN3" "$2" --signing-config "$SIGNING_CONFIG" --trusted-root "$TRUSTED_ROOT" --identity-token "$(token "$1")" \
    "${@:3}" --allow-http-registry -y "$image" 2>&1
}

keyed2() { # KEY COMMAND...: cosign 2, without log entry and timestamp
  cosign2 "$2" --key "$(key "$1")" "${@:3}"
}

keyless2() { # IDENTITY COMMAND...: cosign 2, with certificate and timestamp, without log entry
  cosign2 "$2" --fulcio-url "$FULCIO" --timestamp-server-url "$TIMESTAMPS" --identity-token "$(token "$1")" "${@:3}"
}

attached2() { # KEY: pure Ed25519, which cosign verifies but does not make: it signs Ed25519ph
  "$COSIGN2" generate --allow-http-registry "$image" >"$work/payload"
  key "$1" >/dev/null
  openssl pkeyutl -sign -rawin -inkey "$work/$1.pem" -in "$work/payload" | base64 -w0 >"$work/signature"
  "$COSIGN2" attach signature --payload "$work/payload" --signature "$work/signature" --allow-http-registry "$image" 2>&1
}

cosign2() { # COMMAND...
  local identity=()
  # What is signed shall hold the name that the image stands for, not the port of this run.
  [[ $1 != sign ]] || identity=(--sign-container-identity "registry.example/acme/$name")
  "$COSIGN2" "$1" --tlog-upload=false "${identity[@]}" "${@:2}" --allow-http-registry -y "$image" 2>&1
}

attest() { # FUNCTION SIGNER: one attestation of each type
  "$1" "$2" attest --type slsaprovenance1 --predicate predicates/slsa-provenance-v1.json
  "$1" "$2" attest --type cyclonedx --predicate predicates/sbom.cdx.json
  "$1" "$2" attest --type spdxjson --predicate predicates/sbom.spdx.json
  "$1" "$2" attest --type vuln --predicate predicates/vuln.json
}

scanned() { # SCAN: attested, and nothing else
  push "$REGISTRY"; keyless3 "$workflow" attest --type vuln --predicate "predicates/scans/$1.vuln.json"; save
}

token() { curl -sSf "$ISSUER/token/$1"; } # IDENTITY

save() { python3 make/layout.py "$registry" "acme/$name" "$images/$name"; }

cosign_save() { # COSIGN
  "$1" save --allow-http-registry --dir "$images/$name" "$image" 2>&1
  find "$images/$name" -type f -exec chmod 644 {} + # it makes them executable
}

compose() { python3 make/platforms.py "$name" "$images"; }

tamper() { python3 make/tamper.py "$name" "$images"; }

readme() { # writes the image's digest into README.md's table
  local digest
  digest=$(jq -r '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "v1" or
    (.annotations.kind // "" | test("/image(Index)?$")))][0].digest' "$images/$name/index.json")
  sed -i -E "s/^(\\| \`$name\` \\| )[^|]* \\|/\\1\`$digest\` |/" README.md
}

derive() { python3 make/keys.py "$1" "$2" | openssl pkey -inform DER; } # TYPE LABEL: a private key, PEM

key() { # LABEL: prints the path of cosign's private key, of the type that `keys/types` says
  local prefix=$work/$1 type
  if [[ ! -e $prefix.key ]]; then
    type=$(awk -v label="$1" '$1 == label { print $2 }' keys/types)
    derive "${type:?no type of key $1 in keys/types}" "$1" >"$prefix.pem"
    "$COSIGN3" import-key-pair --key "$prefix.pem" --output-key-prefix "$prefix" -y >/dev/null 2>&1
    cp "$prefix.pub" "keys/$1.pub"
  fi
  echo "$prefix.key"
}

# --- the private Sigstore ------------------------------------------------------------------------------------------

start() {
  local environment label type
  mkdir -p "$work/lab" keys trust
  # The authorities are the same in every run: their keys are derived, their certificates were made by the first run.
  while read -r label type; do
    derive "$type" "$label" >"$work/lab/$label.key"
  done <trust/types
  cp trust/*.pem "$work/lab/" 2>/dev/null || true

  coproc LAB { COUNTERSIGN_E2E=1 COUNTERSIGN_REQUIRE=parts exec cargo run --quiet -p countersign-e2e --bin lab -- "$work/lab"; }
  read -r environment <&"${LAB[0]}"
  # It sets REGISTRY, TRUSTED_ROOT, COSIGN2 and all the other names in capitals.
  # shellcheck source=/dev/null
  source "$environment"
  "$COSIGN3" signing-config create --out "$no_services"

  cp "$work/lab/"{fulcio,tsa}.pem trust/
  cp "$TRUSTED_ROOT" trust/private-trusted_root.json
}

stop() {
  # The lab ends, and with it all that it runs, when its standard input does.
  if [[ -n ${LAB_PID:-} ]]; then
    eval "exec ${LAB[1]}>&-"
    wait "$LAB_PID" || true
  fi
  rm -rf "$work"
}

main "$@"
