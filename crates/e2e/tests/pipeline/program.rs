//! Programs that say, as cargo auditable writes it, of which crates they are made.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_e2e::run;

/// A program that says, as cargo auditable writes it, of which crates it is made.
pub(crate) fn auditable(program: &Path, file: &Path, crates: usize) {
    let section = file.with_extension("section");
    fs::write(&section, crates_section(crates)).unwrap();
    run(Command::new("objcopy")
        .arg("--add-section")
        .arg(format!(".dep-v0={}", section.display()))
        .args(["--set-section-flags", ".dep-v0=noload,readonly"])
        .args([program, file]))
    .unwrap();
    fs::remove_file(section).unwrap();
}

/// A program for AArch64 that does nothing and loads nothing, which says the same: an ELF file with no segment and three sections.
pub(crate) fn auditable_arm64(file: &Path, crates: usize) {
    const HEADER: u64 = 64;
    let names = b"\0.shstrtab\0.dep-v0\0";
    let list = crates_section(crates);
    let long = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap();
    let list_at = HEADER + long(names);
    let sections_at = (list_at + long(&list)).next_multiple_of(8);
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend([2_u16, 183].iter().flat_map(|it| it.to_le_bytes())); // ET_EXEC, EM_AARCH64
    elf.extend(1_u32.to_le_bytes());
    elf.extend([0, 0, sections_at].iter().flat_map(|it| it.to_le_bytes()));
    elf.extend(0_u32.to_le_bytes());
    let sizes = [64_u16, 56, 0, 64, 3, 1];
    elf.extend(sizes.iter().flat_map(|it| it.to_le_bytes()));
    elf.extend(names);
    elf.extend(&list);
    elf.resize(usize::try_from(sections_at).unwrap(), 0);
    // Each by its name, its kind (none, a table of texts, bits of the program's own), its place and size.
    for (name, kind, at, size) in [
        (0_u32, 0_u32, 0, 0),
        (1, 3, HEADER, long(names)),
        (11, 1, list_at, long(&list)),
    ] {
        elf.extend([name, kind].iter().flat_map(|it| it.to_le_bytes()));
        let middle = [0, 0, at, size, 0, 1, 0];
        elf.extend(middle.iter().flat_map(|it| it.to_le_bytes()));
    }
    fs::write(file, elf).unwrap();
}

/// The section `.dep-v0` for so many crates.
fn crates_section(crates: usize) -> Vec<u8> {
    let packages: Vec<String> = (0..crates)
        .map(|number| format!("{{\"name\":\"crate{number}\",\"version\":\"1.0.{number}\",\"source\":\"crates.io\"}}"))
        .collect();
    let root =
        "{\"name\":\"countersign-cli\",\"version\":\"0.1.0\",\"source\":\"local\",\"root\":true}";
    let list = format!("{{\"packages\":[{},{root}]}}", packages.join(","));
    zlib(list.as_bytes())
}

/// As zlib holds bytes that it does not compress (RFC 1950, RFC 1951 section 3.2.4).
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut all = vec![0x78, 0x01, 0x01];
    all.extend(length.to_le_bytes());
    all.extend((!length).to_le_bytes());
    all.extend(bytes);
    all.extend((b << 16 | a).to_be_bytes());
    all
}
