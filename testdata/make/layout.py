#!/usr/bin/env python3
"""layout.py HOST:PORT REPOSITORY DIR: saves a repository, with everything attached to it, as an OCI image layout.

Unlike `crane pull` and `cosign save` this keeps what the repository holds: every tag (the image's own, `sha256-<hex>`
of the referrers tag schema, cosign's `.sig` and `.att`) becomes an entry of index.json with the annotation
`org.opencontainers.image.ref.name`; what only the referrers API lists becomes an entry without a name. All blobs are
kept byte for byte.
"""
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

ACCEPT = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
REF_NAME = "org.opencontainers.image.ref.name"


class Layout:
    """An OCI image layout in memory: blobs by digest, and the entries of index.json."""

    def __init__(self):
        self.blobs, self.entries = {}, []

    @classmethod
    def read(cls, path):
        layout = cls()
        with open(os.path.join(path, "index.json"), "rb") as file:
            layout.entries = json.load(file)["manifests"]
        folder = os.path.join(path, "blobs", "sha256")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                layout.put(file.read())
        return layout

    def write(self, path):
        """Writes it with what the index reaches, and nothing else; entries with names first, in the names' order."""
        folder = os.path.join(path, "blobs", "sha256")
        os.makedirs(folder)
        for digest in self.reachable():
            with open(os.path.join(folder, digest.removeprefix("sha256:")), "wb") as file:
                file.write(self.blobs[digest])
        self.entries.sort(key=lambda entry: (name(entry) is None, name(entry) or entry["digest"]))
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": self.entries}
        with open(os.path.join(path, "index.json"), "w") as file:
            file.write(json.dumps(index, indent=2) + "\n")
        with open(os.path.join(path, "oci-layout"), "w") as file:
            file.write('{"imageLayoutVersion":"1.0.0"}\n')

    def put(self, data):
        """Stores a blob and returns its digest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def json(self, digest):
        return json.loads(self.blobs[digest])

    def entry(self, tag):
        return next(entry for entry in self.entries if name(entry) == tag)

    def reachable(self):
        seen, todo = set(), [entry["digest"] for entry in self.entries]
        while todo:
            digest = todo.pop()
            if digest not in seen:
                seen.add(digest)
                todo += [child["digest"] for child in children(self.blobs[digest])]
        return sorted(seen)


def children(data):
    """The descriptors inside a manifest or index; none for any other blob."""
    try:
        value = json.loads(data)
    except ValueError:
        return []
    if not isinstance(value, dict) or value.get("schemaVersion") != 2:
        return []
    return value.get("manifests") or [value["config"], *value.get("layers", [])]


def name(entry):
    return entry.get("annotations", {}).get(REF_NAME)


def pull(base):
    """Everything that `base` (http://host/v2/repository) holds."""
    layout, todo = Layout(), []
    for tag in json.loads(get(f"{base}/tags/list")[0])["tags"]:
        data, media_type = get(f"{base}/manifests/{tag}")
        digest = layout.put(data)
        todo.append(digest)
        layout.entries.append(
            {"mediaType": media_type, "digest": digest, "size": len(data), "annotations": {REF_NAME: tag}}
        )
    done = set()
    while todo:
        digest = todo.pop()
        if digest in done:
            continue
        done.add(digest)
        for child in children(layout.blobs[digest]):
            if "manifest" in child["mediaType"] or "index" in child["mediaType"]:
                layout.put(get(f"{base}/manifests/{child['digest']}")[0])
                todo.append(child["digest"])
            else:
                layout.put(get(f"{base}/blobs/{child['digest']}")[0])
        for referrer in referrers(base, digest):
            layout.put(get(f"{base}/manifests/{referrer['digest']}")[0])
            layout.entries.append(referrer)
            todo.append(referrer["digest"])
    return layout


def referrers(base, digest):
    """What the referrers API lists; nothing where the registry has no such API."""
    try:
        return json.loads(get(f"{base}/referrers/{digest}")[0])["manifests"] or []
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise


def get(url):
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": ACCEPT})) as answer:
        return answer.read(), answer.headers.get("Content-Type")


if __name__ == "__main__":
    host, repository, target = sys.argv[1:]
    pull(f"http://{host}/v2/{repository}").write(target)
