//! The files of images in which syft finds packages of several kinds.

use std::fs;
use std::path::Path;

use countersign_e2e::Parts;

const DEBIAN: [(&str, &str); 9] = [
    (
        "etc/os-release",
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n",
    ),
    (
        "var/lib/dpkg/status",
        "Package: libc6\nStatus: install ok installed\nSource: glibc\nArchitecture: amd64\nVersion: 2.36-9+deb12u10\n\
         Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>\nDescription: shared libraries\n\n\
         Package: libssl3\nStatus: install ok installed\nSource: openssl\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1\n\
         Maintainer: Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>\nDepends: libc6 (>= 2.34)\n\
         Description: SSL shared libraries\n\n\
         Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2025b-0+deb12u1\n\
         Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>\nDescription: time zone data\n\n",
    ),
    (
        "usr/share/doc/libc6/copyright",
        "This is the Debian package of the GNU C Library.\n\nLicense: LGPL-2.1-or-later\n On Debian systems, see\n \
         /usr/share/common-licenses/LGPL-2.1\n",
    ),
    (
        "usr/share/doc/libssl3/copyright",
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Apache-2.0\n\n\
         Files: debian/*\nLicense: Artistic or GPL-1+\n",
    ),
    (
        "app/node_modules/lodash/package.json",
        r#"{"name": "lodash", "version": "4.17.20", "license": "MIT", "homepage": "https://lodash.com/",
            "author": {"name": "John-David Dalton"}, "repository": {"type": "git", "url": "git+https://github.com/lodash/lodash.git"}}"#,
    ),
    (
        "app/node_modules/@acme/ui/package.json",
        r#"{"name": "@acme/ui", "version": "1.0.0-rc.1", "license": "(MIT OR Apache-2.0)"}"#,
    ),
    (
        "app/node_modules/old-style/package.json",
        r#"{"name": "old-style", "version": "0.1.0", "licenses": [{"type": "BSD", "url": "https://example.com/license"}]}"#,
    ),
    (
        "usr/lib/python3/dist-packages/requests-2.32.3.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: requests\nVersion: 2.32.3\nLicense: Apache Software License 2.0\nAuthor: Kenneth Reitz\n\n",
    ),
    (
        "usr/lib/python3/dist-packages/requests-2.32.3.dist-info/RECORD",
        "requests/__init__.py,sha256=4xaAERmPDIBPsa2PsjpU9r06yooK-2mZKHTZAhWRWts,5072\n",
    ),
];

const ALPINE: [(&str, &str); 3] = [
    (
        "etc/os-release",
        "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n",
    ),
    ("etc/alpine-release", "3.22.1\n"),
    (
        "lib/apk/db/installed",
        "C:Q1gBhLTVpbJQUFQMHVQ3D6qYVWn9o=\nP:musl\nV:1.2.5-r10\nA:aarch64\nS:411324\nI:663552\n\
         T:the musl c library (libc) implementation\nU:https://musl.libc.org/\nL:MIT\no:musl\n\
         m:Natanael Copa <ncopa@alpinelinux.org>\nt:1752136547\nF:lib\nR:ld-musl-aarch64.so.1\na:0:0:755\n\n\
         C:Q1Nn9Y9FQYBTRl0nGxGmBDFNpTwYo=\nP:busybox\nV:1.37.0-r18\nA:aarch64\nS:510456\nI:946176\n\
         T:Size optimized toolbox of many common UNIX utilities\nU:https://busybox.net/\nL:GPL-2.0-only\no:busybox\n\
         m:Sören Tempel <soeren+alpine@soeren-tempel.net>\nt:1749717600\nD:so:libc.musl-aarch64.so.1\n\n",
    ),
];

/// A small Debian with packages of dpkg, npm, Python and Go: the Go program is a real one.
pub(crate) fn debian(parts: &Parts, root: &Path) {
    write(&DEBIAN, root);
    let server = root.join("usr/local/bin/server");
    fs::create_dir_all(server.parent().unwrap()).unwrap();
    fs::copy(parts.path("referrers-registry"), server).unwrap();
}

/// A small Alpine with packages of apk.
pub(crate) fn alpine(root: &Path) {
    write(&ALPINE, root);
}

/// A package that the policies ban.
pub(crate) fn old_lodash(root: &Path) {
    let package = r#"{"name": "lodash", "version": "4.17.4", "license": "MIT"}"#;
    write(&[("srv/node_modules/lodash/package.json", package)], root);
}

fn write(files: &[(&str, &str)], root: &Path) {
    for (path, content) in files {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
}
