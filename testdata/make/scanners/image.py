"""Makes an image to scan, as an OCI layout: image.py old|new|bare FOLDER.

`old` has packages with known vulnerabilities (advisories.json), `new` the same packages later, `bare` one file and no package.
The packages are no more than what a scanner looks at: dpkg's status, a package.json, a jar with its pom.properties.
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile
import zipfile

# name, source, old version, new version (None: removed, since there is no fix)
DEBIAN = [
    ("coreutils", None, "9.1-1", None),
    ("libc6", "glibc", "2.36-9+deb12u1", "2.36-9+deb12u13"),
    ("sysvinit-utils", "sysvinit", "3.06-4", None),
    ("zlib1g", "zlib", "1:1.2.13.dfsg-1", None),
]
NPM = ("lodash", "4.17.20", "4.17.21")
MAVEN = ("org.apache.logging.log4j", "log4j-core", "2.14.1", "2.25.3")


def main():
    kind, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    files = {"app/name": b"countersign testdata: an image to scan\n"}
    if kind != "bare":
        files |= packages(["old", "new"].index(kind))
    layer = tar(files)
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}

    def document(value, media_type):
        return put(json.dumps(value).encode(), media_type)

    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": document(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [put(gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")],
    }
    index = {"schemaVersion": 2, "manifests": [document(manifest, manifest["mediaType"])]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def packages(at):
    """What is in the image: `at` is 0 for the old versions, 1 for the new ones."""
    status = ""
    for name, source, *versions in DEBIAN:
        if versions[at] is None:
            continue
        status += f"Package: {name}\nStatus: install ok installed\nPriority: required\nSection: libs\nArchitecture: amd64\n"
        status += f"Maintainer: nobody <nobody@acme.example>\n{f'Source: {source}' + chr(10) if source else ''}"
        status += f"Version: {versions[at]}\nDescription: a package of the test data\n\n"
    group, artifact, *versions = MAVEN
    properties = f"groupId={group}\nartifactId={artifact}\nversion={versions[at]}\n"
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for name, text in [
            ("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\nImplementation-Title: {artifact}\nImplementation-Version: {versions[at]}\n"),
            (f"META-INF/maven/{group}/{artifact}/pom.properties", properties),
        ]:
            archive.writestr(zipfile.ZipInfo(name), text)  # the time of ZipInfo is always the same
    name, *npm = NPM
    return {
        "etc/debian_version": b"12.1\n",
        "etc/os-release": b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
        "var/lib/dpkg/status": status.encode(),
        f"app/node_modules/{name}/package.json": json.dumps({"name": name, "version": npm[at], "license": "MIT"}).encode(),
        f"app/lib/{artifact}-{versions[at]}.jar": jar.getvalue(),
    }


def tar(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


main()
