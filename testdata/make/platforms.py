#!/usr/bin/env python3
"""platforms.py NAME IMAGES: makes the layout IMAGES/NAME, an index over images of sound layouts in IMAGES with their evidence.

Nothing is signed here: what is attached to the platforms was made by cosign for the images they are.
"""
import json
import os
import sys

from layout import REF_NAME, Layout, name

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}


def main(case, images):
    layout, entries = Layout(), []
    for source, platform, annotations in CASES[case]:
        if source is None:
            manifest = buildkit(layout, entries[0]["digest"])
        else:
            manifest = add(layout, Layout.read(os.path.join(images, source)))
        entries.append(manifest | {"platform": platform} | ({"annotations": annotations} if annotations else {}))
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    layout.entries.append(described(layout, INDEX, index) | {"annotations": {REF_NAME: "v1"}})
    layout.write(os.path.join(images, case))


def add(layout, other):
    """Takes over another layout but for the name of its image; the image's descriptor."""
    layout.blobs.update(other.blobs)
    image = other.entry("v1")
    layout.entries += [entry for entry in other.entries if name(entry) != "v1"]
    return {key: image[key] for key in ("mediaType", "digest", "size")}


def buildkit(layout, image):
    """An attestation manifest as BuildKit writes it, about `image`: unsigned."""
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "pkg:docker/acme/app@v1", "digest": {"sha256": image.removeprefix("sha256:")}}],
        "predicate": {"builder": {"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1"},
    }
    layer = described(layout, "application/vnd.in-toto+json", statement)
    layer["annotations"] = {"in-toto.io/predicate-type": statement["predicateType"]}
    config = {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
    config = described(layout, "application/vnd.oci.image.config.v1+json", config)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    return described(layout, MANIFEST, manifest)


def described(layout, media_type, value):
    data = json.dumps(value, separators=(",", ":")).encode()
    return {"mediaType": media_type, "digest": layout.put(data), "size": len(data)}


def linux(architecture):
    return {"os": "linux", "architecture": architecture}


UNKNOWN = {"os": "unknown", "architecture": "unknown"}
AMD64 = ("signed-keyed", linux("amd64"), None)
ARM64 = ("signed-keyed-referrers", linux("arm64"), None)
CASES = {
    "platforms-signed": [AMD64, ARM64, (None, UNKNOWN, ATTESTATION)],
    "platforms-one-signed": [AMD64, ("unsigned", linux("arm64"), None)],
    "platforms-evil-child": [AMD64, ARM64, ("unsigned", linux("amd64"), ATTESTATION)],
    "platforms-nested": [AMD64, ("signed-index", linux("arm64"), None)],
}

if __name__ == "__main__":
    main(*sys.argv[1:])
