//! A Debian and programs that are only as real as an image asks for.

use std::fs;
use std::path::{Path, PathBuf};

/// `e_machine` of x86-64 and AArch64.
pub(crate) const AMD64: u16 = 62;
pub(crate) const ARM64: u16 = 183;

/// An ELF file that loads nothing.
pub(crate) fn static_elf(machine: u16) -> Vec<u8> {
    elf(machine, None, &[], true)
}

/// An ELF file with this dynamic linker and these libraries, and, if wanted, sections that tell of them.
pub(crate) fn elf(
    machine: u16,
    linker: Option<&str>,
    libraries: &[&str],
    has_sections: bool,
) -> Vec<u8> {
    const HEADER: u64 = 64;
    const SEGMENT: u64 = 56;
    let linker = linker.map(|path| format!("{path}\0")).unwrap_or_default();
    let mut names = vec![0_u8];
    let mut entries: Vec<u64> = Vec::new();
    for library in libraries {
        entries.extend([1, u64::try_from(names.len()).unwrap()]); // DT_NEEDED
        names.extend(library.bytes().chain([0]));
    }
    let is_dynamic = !entries.is_empty();
    entries.extend([0, 0]); // DT_NULL
    let len = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap();
    let dynamic: Vec<u8> = entries.iter().flat_map(|word| word.to_le_bytes()).collect();
    let segments = u16::from(!linker.is_empty()) + u16::from(is_dynamic);
    let dynamic_at = HEADER + SEGMENT * u64::from(segments);
    let names_at = dynamic_at + len(&dynamic);
    let linker_at = names_at + len(&names);
    let sections_at = (linker_at + len(linker.as_bytes())).next_multiple_of(8);
    let sections: u16 = if has_sections { 3 } else { 0 };

    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
    let long = |file: &mut Vec<u8>, value: u64| file.extend(value.to_le_bytes());
    half(&mut file, 3); // a program at any address
    half(&mut file, machine);
    word(&mut file, 1);
    long(&mut file, 0);
    long(&mut file, HEADER);
    long(&mut file, if has_sections { sections_at } else { 0 });
    word(&mut file, 0);
    for value in [64, 56, segments, 64, sections, u16::from(has_sections)] {
        half(&mut file, value);
    }
    let mut segment = |kind: u32, at: u64, size: u64| {
        word(&mut file, kind);
        word(&mut file, 4);
        for value in [at, at, at, size, size, 8] {
            long(&mut file, value);
        }
    };
    if !linker.is_empty() {
        segment(3, linker_at, len(linker.as_bytes())); // PT_INTERP
    }
    if is_dynamic {
        segment(2, dynamic_at, len(&dynamic)); // PT_DYNAMIC
    }
    file.extend(&dynamic);
    file.extend(&names);
    file.extend(linker.as_bytes());
    file.resize(usize::try_from(sections_at).unwrap(), 0);
    let mut section = |kind: u32, at: u64, size: u64, link: u32| {
        word(&mut file, 0);
        word(&mut file, kind);
        for value in [0, at, at, size] {
            long(&mut file, value);
        }
        word(&mut file, link);
        word(&mut file, 0);
        long(&mut file, 8);
        long(&mut file, 16);
    };
    if has_sections {
        section(0, 0, 0, 0);
        section(3, names_at, len(&names), 0); // SHT_STRTAB
        let kind = if is_dynamic { 6 } else { 0 }; // SHT_DYNAMIC
        section(kind, dynamic_at, len(&dynamic), 1);
    }
    file
}

/// The dynamic linker of amd64.
pub(crate) const LINKER: &str = "/lib64/ld-linux-x86-64.so.2";
const LIBRARIES: &str = "/lib/x86_64-linux-gnu";

/// A folder with what an image takes of Debian, for amd64, and with what it must not take.
pub(crate) fn debian(root: &Path) -> PathBuf {
    let write = |path: &str, bytes: &[u8]| {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let linker_name = LINKER.rsplit('/').next().unwrap();
    let library = |needs: &[&str]| elf(AMD64, None, needs, true);
    write(LINKER, &static_elf(AMD64));
    write(&format!("{LIBRARIES}/libc.so.6"), &library(&[linker_name]));
    write(&format!("{LIBRARIES}/libm.so.6"), &library(&["libc.so.6"]));
    write(&format!("{LIBRARIES}/libunused.so.1"), &library(&[]));
    write(
        &format!("{LIBRARIES}/libgcc_s.so.1"),
        &library(&["libm.so.6"]),
    );
    write(&format!("{LIBRARIES}/libforeign.so.1"), &static_elf(ARM64));
    // Of no package that an image may have.
    write(&format!("{LIBRARIES}/libssl.so.3"), &library(&[]));
    write("usr/lib/os-release", b"ID=debian\n");
    let own = "/usr/share/ca-certificates/mozilla";
    for name in ["Z", "A"] {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
        write(&format!("{own}/{name}.crt"), pem.as_bytes());
    }
    // What an administrator has added.
    write("usr/local/share/ca-certificates/local.crt", b"LOCAL");
    write("etc/ssl/certs/ca-certificates.crt", b"LOCAL");
    let libc = [
        "libc.so.6",
        "libm.so.6",
        "libunused.so.1",
        "libforeign.so.1",
    ];
    let libc: String = libc.map(|name| format!("{LIBRARIES}/{name}\n")).concat();
    for (list, paths) in [
        ("libc6:amd64", format!("/.\n/lib\n{LINKER}\n{libc}")),
        (
            "libgcc-s1:amd64",
            format!("/lib\n{LIBRARIES}/libgcc_s.so.1\n"),
        ),
        (
            "ca-certificates",
            format!("{own}\n{own}/Z.crt\n{own}/A.crt\n"),
        ),
    ] {
        write(&format!("var/lib/dpkg/info/{list}.list"), paths.as_bytes());
    }
    let paragraphs = [
        ("libc6", "i386"),
        ("libc6", "amd64"),
        ("libgcc-s1", "amd64"),
        ("ca-certificates", "all"),
    ]
    .map(|(package, machine)| {
        write(&format!("usr/share/doc/{package}/copyright"), package.as_bytes());
        format!("Package: {package}\nStatus: install ok installed\nArchitecture: {machine}\nVersion: 1\n\n")
    });
    write("var/lib/dpkg/status", paragraphs.concat().as_bytes());
    root.to_owned()
}
