#!/usr/bin/env python3
"""tamper.py NAME IMAGES: makes the tampered layout IMAGES/NAME out of sound layouts in IMAGES.

After each change all digests and sizes are written again, from the changed blob up to index.json: nothing but
verification can notice. Each function says what an attacker who may write to the registry did.
"""
import base64
import json
import os
import sys

from layout import REF_NAME, Layout, children, name

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def main(case, images):
    layout = CASES[case](lambda source: Layout.read(os.path.join(images, source)))
    layout.write(os.path.join(images, case))


def signature(read):
    """One bit of the bundle's signature is flipped."""
    layout = read("signed-keyed")
    edit_bundle(layout, lambda bundle: flip(bundle["dsseEnvelope"]["signatures"][0], "sig"))
    return layout


# --- edits -----------------------------------------------------------------------------------------------------------


def edit_bundle(layout, change):
    """Changes the one bundle of the layout by `change`, which works in place."""
    old = next(
        layer["digest"]
        for data in list(layout.blobs.values())
        for layer in children(data)
        if layer["mediaType"] == BUNDLE
    )
    bundle = layout.json(old)
    change(bundle)
    replace(layout, old, compact(bundle))


def replace(layout, old, data):
    """Puts `data` where the blob `old` was, and rewrites whatever points to it, up to index.json."""
    new = layout.put(data)
    del layout.blobs[old]
    for entry in layout.entries:
        point(entry, old, new, len(data))
    for parent, blob in list(layout.blobs.items()):
        if any(child["digest"] == old for child in children(blob)):
            value = json.loads(blob)
            for child in value.get("manifests") or [value["config"], *value["layers"]]:
                point(child, old, new, len(data))
            replace(layout, parent, compact(value))


def point(descriptor, old, new, size):
    if descriptor["digest"] == old:
        descriptor["digest"], descriptor["size"] = new, size


def flip(holder, key):
    """Flips the last bit of what `holder[key]` encodes in base64: for ECDSA, of s."""
    raw = bytearray(base64.b64decode(holder[key]))
    raw[-1] ^= 1
    holder[key] = base64.b64encode(raw).decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


CASES = {
    "tampered-signature": signature,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
