//! A Git repository on disk, as Argo CD fetches it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_e2e::run;

pub(crate) struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// Makes an empty one.
    pub(crate) fn new(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let repository = Self { folder };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// What an Application calls it.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Copies a folder of ours into it, with these texts replaced in each file.
    pub(crate) fn copy(&self, from: &Path, to: &str, replaced: &[(&str, &str)]) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{to}/{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&entry.path(), &name, replaced);
                continue;
            }
            let mut text = fs::read_to_string(entry.path()).unwrap();
            for (old, new) in replaced {
                text = text.replace(old, new);
            }
            self.write(&name, &text);
        }
    }

    /// Commits everything on `main`; gives the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C")
            .arg(&self.folder)
            .args(["-c", "user.name=e2e", "-c", "user.email=e2e@example.com"])
            .args(words);
        run(&mut git).unwrap().stdout
    }
}
