#!/usr/bin/env python3
"""tamper.py NAME IMAGES: makes the tampered layout IMAGES/NAME out of sound layouts in IMAGES.

After each change all digests and sizes are written again, from the changed blob up to index.json: nothing but
verification can notice. Each function says what somebody did who may write to the registry.
"""
import base64
import json
import os
import sys

from layout import REF_NAME, Layout, children, name

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"


def main(case, images):
    def read(source):
        return Layout.read(os.path.join(images, source))

    CASES[case](read).write(os.path.join(images, case))


def signature(read):
    """Flipped one bit of a bundle's signature."""
    layout = read("signed-keyed")
    edit_bundle(layout, lambda bundle: flip(bundle["dsseEnvelope"]["signatures"][0], "sig"))
    return layout


def signature_legacy(read):
    """Flipped one bit of a `.sig` layer's signature."""
    layout = read("signed-keyed-legacy")
    edit_sig(layout, lambda layer: flip(layer["annotations"], SIGNATURE))
    return layout


def payload(read):
    """Added an annotation to the statement inside a bundle; the subject still is the image."""

    def change(bundle):
        envelope = bundle["dsseEnvelope"]
        statement = json.loads(base64.b64decode(envelope["payload"]))
        statement["subject"][0]["annotations"] = {"approved": "yes"}
        envelope["payload"] = base64.b64encode(compact(statement)).decode()

    layout = read("signed-keyed")
    edit_bundle(layout, change)
    return layout


def payload_legacy(read):
    """Added an annotation to the simple-signing payload; the digest in it still is the image's."""
    layout = read("signed-keyed-legacy")
    old = sig_layer(layout.json(sig_entry(layout)["digest"]))["digest"]
    value = layout.json(old)
    value["optional"] = {"approved": "yes"}
    replace(layout, old, compact(value))
    return layout


def moved(read):
    """Attached a sound bundle about another image, with a `subject` that names this one."""
    layout, source = read("unsigned"), read("signed-keyed")
    image = layout.entry("v1")
    index = source.json(source.entry(fallback_tag(source.entry("v1")))["digest"])
    manifest = source.json(index["manifests"][0]["digest"])
    layout.blobs.update(source.blobs)
    manifest["subject"] = {key: image[key] for key in ("mediaType", "digest", "size")}
    put(layout, index["manifests"][0], compact(manifest))
    attach(layout, fallback_tag(image), compact(index), index["mediaType"])
    return layout


def moved_legacy(read):
    """Attached a sound `.sig` about another image."""
    layout, source = read("unsigned"), read("signed-keyed-legacy")
    entry = sig_entry(source)
    layout.blobs.update(source.blobs)
    attach(layout, fallback_tag(layout.entry("v1")) + ".sig", source.blobs[entry["digest"]], entry["mediaType"])
    return layout


def tag(read):
    """Moved the tag to an unsigned image; the evidence of the signed one is still there."""
    layout = two_tags(read)
    layout.entries.remove(layout.entry("v0"))
    return layout


def two_tags(read):
    """Tagged an unsigned image as `v1`; the signed one is `v0` now."""
    layout, other = read("signed-keyed"), read("unsigned")
    layout.blobs.update(other.blobs)
    signed = layout.entry("v1")
    layout.entries = [entry for entry in layout.entries if entry is not signed] + [other.entry("v1")]
    signed["annotations"][REF_NAME] = "v0"
    layout.entries.append(signed)
    return layout


def certificate(read):
    """Put the certificate of another identity, of the same Fulcio, into a bundle."""
    return swap_material(read, "certificate")


def certificate_legacy(read):
    """Put the certificate of another identity, of the same Fulcio, onto a `.sig` layer."""
    return swap_annotation(read, CERTIFICATE)


def log_entry(read):
    """Put the log entry of another signature into a bundle."""
    return swap_material(read, "tlogEntries")


def timestamp(read):
    """Put the timestamp of another signature into a bundle."""
    return swap_material(read, "timestampVerificationData")


def timestamp_legacy(read):
    """Put the timestamp of another signature onto a `.sig` layer."""
    return swap_annotation(read, TIMESTAMP)


# --- edits -----------------------------------------------------------------------------------------------------------


def swap_material(read, key):
    layout, other = read("signed-keyless"), read("signed-keyless-other")
    foreign = other.json(bundle_digest(other))["verificationMaterial"][key]

    def change(bundle):
        assert bundle["verificationMaterial"][key] != foreign, "nothing would change"
        bundle["verificationMaterial"][key] = foreign

    edit_bundle(layout, change)
    return layout


def swap_annotation(read, key):
    layout, other = read("signed-keyless-legacy"), read("signed-keyless-other")
    foreign = sig_layer(other.json(sig_entry(other)["digest"]))["annotations"][key]

    def change(layer):
        assert layer["annotations"][key] != foreign, "nothing would change"
        layer["annotations"][key] = foreign

    edit_sig(layout, change)
    return layout


def edit_bundle(layout, change):
    """Changes the one bundle of the layout by `change`, which works in place."""
    old = bundle_digest(layout)
    bundle = layout.json(old)
    change(bundle)
    replace(layout, old, compact(bundle))


def edit_sig(layout, change):
    """Changes the one layer of the `.sig` manifest by `change`, which works in place."""
    old = sig_entry(layout)["digest"]
    manifest = layout.json(old)
    change(sig_layer(manifest))
    replace(layout, old, compact(manifest))


def bundle_digest(layout):
    layers = [layer for data in layout.blobs.values() for layer in children(data) if layer["mediaType"] == BUNDLE]
    (only,) = layers
    return only["digest"]


def sig_entry(layout):
    (only,) = [entry for entry in layout.entries if (name(entry) or "").endswith(".sig")]
    return only


def sig_layer(manifest):
    (only,) = manifest["layers"]
    return only


def fallback_tag(entry):
    return entry["digest"].replace(":", "-")


def attach(layout, ref_name, data, media_type):
    descriptor = {"mediaType": media_type, "annotations": {REF_NAME: ref_name}}
    put(layout, descriptor, data)
    layout.entries.append(descriptor)


def put(layout, descriptor, data):
    descriptor["digest"], descriptor["size"] = layout.put(data), len(data)


def replace(layout, old, data):
    """Puts `data` where the blob `old` was, and rewrites whatever points to it, up to index.json."""
    del layout.blobs[old]
    for entry in layout.entries:
        if entry["digest"] == old:
            put(layout, entry, data)
    for parent, blob in list(layout.blobs.items()):
        if any(child["digest"] == old for child in children(blob)):
            value = json.loads(blob)
            for child in value.get("manifests") or [value["config"], *value["layers"]]:
                if child["digest"] == old:
                    put(layout, child, data)
            replace(layout, parent, compact(value))


def flip(holder, key):
    """Flips the last bit of what `holder[key]` encodes in base64: for ECDSA, of s."""
    raw = bytearray(base64.b64decode(holder[key]))
    raw[-1] ^= 1
    holder[key] = base64.b64encode(raw).decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


CASES = {
    f"tampered-{case.__name__.replace('_', '-')}": case
    for case in (
        signature,
        signature_legacy,
        payload,
        payload_legacy,
        moved,
        moved_legacy,
        tag,
        certificate,
        certificate_legacy,
        log_entry,
        timestamp,
        timestamp_legacy,
    )
} | {"two-tags": two_tags}

if __name__ == "__main__":
    main(*sys.argv[1:])
