//! A release's archive, served on loopback.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::run::ROOT;

pub(super) const VERSION: &str = "9.8.7";

/// An archive as a release has it, but with scripts that run the program under test in place of programs.
pub(super) struct Release {
    /// Where `/vVERSION/NAME` is served: `http://127.0.0.1:PORT`.
    pub(super) url: String,
    pub(super) sha256: String,
    /// Its name.
    pub(super) name: String,
}

impl Release {
    pub(super) fn serve() -> Self {
        Self::serve_with("")
    }

    /// With these bytes behind the archive, as somebody on the way may put them there; the sha256 is still that of the archive.
    pub(super) fn serve_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = if cfg!(target_arch = "aarch64") {
            "aarch64-unknown-linux-gnu"
        } else {
            "x86_64-unknown-linux-gnu"
        };
        programs(folder.path());
        let archive = archive(folder.path(), target, "out");
        let sha256 = sha256(&archive);
        let name = archive.file_name().unwrap().to_str().unwrap().to_owned();
        let mut bytes = std::fs::read(&archive).unwrap();
        bytes.extend(more.bytes());
        let path = format!("/v{VERSION}/{name}");
        let url = serve(BTreeMap::from([(path, bytes)]));
        Self { url, sha256, name }
    }
}

/// Writes stand-ins of both programs.
pub(super) fn programs(folder: &Path) {
    let text = format!(
        "#!/bin/sh\nexec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_countersign")
    );
    for name in ["countersign", "countersign-webhook"] {
        std::fs::write(folder.join(name), &text).unwrap();
    }
}

/// Makes the archive of a folder's programs in a folder below it.
pub(super) fn archive(folder: &Path, target: &str, out: &str) -> std::path::PathBuf {
    let made = Command::new(format!("{ROOT}/.ci/release/archive"))
        .args([VERSION, target])
        .args([folder, &folder.join(out)])
        .env("SOURCE_DATE_EPOCH", "1790000000")
        .output()
        .unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    said.trim().into()
}

pub(super) fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// Serves these paths until the test ends; everything else is not there.
fn serve(files: BTreeMap<String, Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is its own loss.
            let _ = answer(stream, &files);
        }
    });
    url
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match files.get(path) {
        Some(bytes) => ("200 OK", bytes.as_slice()),
        None => ("404 Not Found", &[][..]),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}
