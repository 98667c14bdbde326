#!/usr/bin/env bash
# Makes the OCI layouts of testdata/images with real cosign 2 and cosign 3 against a private Sigstore on loopback.
#
#   testdata/make.sh            makes the layouts that are missing
#   testdata/make.sh NAME...    makes these again
#
# README.md says what each layout holds. The keys are derived from their names and the authorities' certificates are
# kept in testdata/trust, so that what is made later verifies under the same trusted root as what is there already.
set -euo pipefail
cd "$(dirname "$0")"
readonly here=$PWD images=$PWD/images work=$(mktemp -d)
export COSIGN_PASSWORD='' SOURCE_DATE_EPOCH=0 LC_ALL=C TZ=UTC
export TUF_ROOT=$work/tuf # nobody's real Sigstore cache

# Each is one function below, `-` for `_`. Order matters: the tampered ones are made from others.
readonly all=(
  unsigned
  signed-keyed signed-keyed-referrers signed-keyed-legacy foreign-signed
  tampered-signature
)

main() {
  trap stop EXIT
  local names=("$@") name
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
    "${name//-/_}"
    readme "$name"
  done
}

# --- the layouts ---------------------------------------------------------------------------------------------------

unsigned() { # an image and nothing else
  push "$REGISTRY" unsigned
  save "$REGISTRY" unsigned
}

signed_keyed() { # cosign 3, key `release`, no log; found by the referrers tag schema
  push "$REGISTRY" signed-keyed
  sign3 release
  save "$REGISTRY" signed-keyed
}

signed_keyed_referrers() { # the same in a registry that has the referrers API
  push "$REGISTRY_REFERRERS" signed-keyed-referrers
  sign3 release
  save "$REGISTRY_REFERRERS" signed-keyed-referrers
}

signed_keyed_legacy() { # cosign 2, key `release`, `.sig`
  push "$REGISTRY" signed-keyed-legacy
  sign2 release
  save "$REGISTRY" signed-keyed-legacy
}

foreign_signed() { # both formats, by a key that nobody trusts
  push "$REGISTRY" foreign-signed
  sign3 foreign
  sign2 foreign
  save "$REGISTRY" foreign-signed
}

tampered_signature() { tamper; }

# --- steps ---------------------------------------------------------------------------------------------------------

push() { # REGISTRY NAME: a tiny image whose one layer holds its name; sets $image to repository@digest
  local layer=$work/$2.tgz
  mkdir -p "$work/layer"
  echo "countersign testdata: $2" >"$work/layer/name"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r -C "$work/layer" -c name | gzip -n9 >"$layer"
  image=$("$CRANE" append --insecure --oci-empty-base -f "$layer" -t "$1/acme/$2:v1" 2>/dev/null)
}

sign3() { # KEY: cosign 3, a bundle without log entry and timestamp
  "$COSIGN3" sign --signing-config "$NO_LOG" --trusted-root "$TRUSTED_ROOT" --key "$(key "$1")" --allow-http-registry -y "$image" 2>&1
}

sign2() { # KEY: cosign 2, simple signing without log entry
  "$COSIGN2" sign --tlog-upload=false --sign-container-identity "$(name_of "$image")" --key "$(key "$1")" \
    --allow-http-registry -y "$image" 2>&1
}

save() { python3 make/layout.py "$1" "acme/$2" "$images/$2"; } # REGISTRY NAME

readme() { # NAME: writes the digest of the layout's v1 into README.md's table
  local digest
  digest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "v1").digest' "$images/$1/index.json")
  sed -i -E "s/^(\\| \`$1\` \\| )[^|]* \\|/\\1\`$digest\` |/" README.md
}

tamper() { python3 make/tamper.py "${FUNCNAME[1]//_/-}" "$images"; } # named by the calling function

name_of() { # registry.example/acme/NAME for HOST:PORT/acme/NAME@DIGEST: no port of this run gets into a payload
  local path=${1#*/}
  echo "registry.example/${path%@*}"
}

key() { # LABEL: prints the path of cosign's private key; its type is p256 unless `keys/types` says otherwise
  local prefix=$work/$1 type
  if [[ ! -e $prefix.key ]]; then
    type=$(awk -v label="$1" '$1 == label { print $2 }' keys/types)
    python3 make/keys.py "${type:?no type of key $1 in keys/types}" "$1" | openssl pkey -inform DER -out "$prefix.pem"
    "$COSIGN3" import-key-pair --key "$prefix.pem" --output-key-prefix "$prefix" -y >/dev/null 2>&1
    cp "$prefix.pub" "keys/$1.pub"
  fi
  echo "$prefix.key"
}

# --- the private Sigstore ------------------------------------------------------------------------------------------

start() { # LAB_ENV names the file of a lab that runs already
  if [[ -z ${LAB_ENV:-} ]]; then
    coproc lab { exec cargo run --quiet -p countersign-e2e --bin lab -- "$work/lab" --material trust --issuer-port 9100; }
    read -r LAB_ENV <&"${lab[0]}"
  fi
  # shellcheck source=/dev/null
  source "$LAB_ENV"
}

stop() {
  [[ -z ${lab_PID:-} ]] || { exec {lab[1]}>&-; wait "$lab_PID" 2>/dev/null || true; }
  rm -rf "$work"
}

main "$@"
