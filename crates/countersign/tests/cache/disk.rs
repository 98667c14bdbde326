//! What a disk adds, and what it cannot do: be believed, fail a check, or grow without end.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use countersign::CacheError;

use super::*;

pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// A cache as of a process that starts now: nothing in memory.
    pub(super) fn open(&self) -> Arc<Cache> {
        Arc::new(Cache::default().on_disk(self.path(), 1 << 24).unwrap())
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.path().join("blobs/sha256").join(&hex[..2]).join(&hex)
    }
}

/// Every file but the key, in the order of their names.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            found.extend(files(&path));
        } else if path.file_name().unwrap() != "key" {
            found.push(path);
        }
    }
    found.sort();
    found
}

const FIRST: [(&str, usize); 6] = [
    ("tag", 1),
    ("referrers", 1),
    ("manifests", 1),
    ("blobs", 1),
    (".sig", 1),
    (".att", 1),
];

#[tokio::test]
async fn after_a_restart_bytes_are_there_and_rights_are_asked_for() {
    let registry = Registry::start();
    signed(&registry, "app");
    let (folder, repository) = (Folder::new(), repository(&registry, "app"));
    let look = async |cache: &Arc<Cache>| {
        let cached = cached(&registry, cache);
        let evidence = check(&cached, &repository, &tag("v1")).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1);
        assert_eq!(cache.disk_error(), None);
        asked(&registry)
    };
    assert_eq!(look(&folder.open()).await, counts(&FIRST));
    let mut without_blob = FIRST.to_vec();
    without_blob.remove(3);
    let counter = Arc::new(Counter::default());
    let restarted = Cache::default().on_disk(folder.path(), 1 << 24).unwrap();
    let restarted = Arc::new(restarted.observer(counter.clone()));
    assert_eq!(look(&restarted).await, counts(&without_blob));
    assert_eq!(counter.of(CacheKind::Blob, CacheAnswer::Disk), 1);
    assert_eq!(look(&restarted).await, counts(&[]));
}

#[tokio::test]
async fn a_file_that_is_not_what_its_name_says_is_fetched_again() {
    let registry = Registry::start();
    signed(&registry, "app");
    let (folder, repository) = (Folder::new(), repository(&registry, "app"));
    let path = folder.blob(&Digest::of(BUNDLE));
    let outside = folder.0.path().join("outside");
    fs::write(&outside, BUNDLE).unwrap();
    let look = async || {
        let cache = folder.open();
        let evidence = check(&cached(&registry, &cache), &repository, &tag("v1")).await;
        let evidence = evidence.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1);
        (asked(&registry).contains_key("blobs"), cache.disk_error())
    };
    assert_eq!(look().await, (true, None));
    assert_eq!(look().await, (false, None));
    let mut other = BUNDLE.to_vec();
    other[5] ^= 1;
    for wrong in [&other[..], &BUNDLE[..20], b"", &[0; 100_000]] {
        fs::write(&path, wrong).unwrap();
        assert_eq!(look().await, (true, None), "{}", wrong.len());
        assert_eq!(fs::read(&path).unwrap(), BUNDLE);
        assert_eq!(look().await, (false, None));
    }
    // A link to the right bytes is no better: whoever made it may change them between two looks.
    fs::remove_file(&path).unwrap();
    symlink(&outside, &path).unwrap();
    let (fetched, error) = look().await;
    assert!(
        fetched && error.as_ref().unwrap().contains("symbolic link"),
        "{error:?}"
    );
    assert_eq!(fs::read(&outside).unwrap(), BUNDLE);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (fetched, error) = look().await;
    assert!(fetched && error.is_some());
}

#[tokio::test]
async fn nothing_on_disk_tells_who_read_what() {
    let registry = Registry::start();
    signed(&registry, "private/app");
    let folder = Folder::new();
    let cached = cached(&registry, &folder.open());
    let repository = repository(&registry, "private/app");
    check(&cached, &repository, &tag("v1")).await.unwrap();
    let access = cached.access(&repository, &budget()).await.unwrap();
    let files = files(&folder.path());
    assert_eq!(files.len(), 6, "{files:?}");
    let fingerprint = access.fingerprint();
    for path in files {
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let mut shown = fs::read(&path).unwrap();
        shown.extend(path.to_str().unwrap().as_bytes());
        for part in ["private/app", &registry.host(), &fingerprint.hex()] {
            let found = shown.windows(part.len()).any(|it| it == part.as_bytes());
            assert!(!found, "{part} in {}", path.display());
        }
        assert!(!shown.windows(32).any(|it| it == fingerprint.as_bytes()));
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path()), 0o700);
    assert_eq!(mode(&folder.path().join("key")), 0o600);
    // Another folder has another key, and so other names.
    let other = Folder::new();
    let cached = super::cached(&registry, &other.open());
    check(&cached, &repository, &tag("v1")).await.unwrap();
    let names = |folder: &Folder| files_of(&folder.path().join("listings"));
    assert_ne!(names(&folder), names(&other));
}

fn files_of(folder: &Path) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files(folder).into_iter().map(name).collect()
}

#[test]
fn a_folder_that_others_could_change_is_refused() {
    let refused = |folder: &Folder, part: &str, why: &str| {
        let error = Cache::default()
            .on_disk(folder.path(), 1 << 20)
            .unwrap_err();
        assert!(
            matches!(error, CacheError::Unsafe { .. }),
            "{part}: {error}"
        );
        assert!(error.to_string().contains(why), "{part}: {error}");
    };
    for part in ["", "blobs", "blobs/sha256", "listings", "seen", "tmp"] {
        let folder = Folder::new();
        folder.open();
        let path = match part {
            "" => folder.path(),
            part => folder.path().join(part),
        };
        for mode in [0o777, 0o770, 0o702] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            refused(&folder, part, "others may write");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder.open();
        let moved = folder.0.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        refused(&folder, part, "symbolic link");
    }
    let folder = Folder::new();
    folder.open();
    let link = folder.0.path().join("link");
    symlink(folder.path(), &link).unwrap();
    for path in [link.clone(), link.join("")] {
        let error = Cache::default().on_disk(&path, 1 << 20).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
    // Whoever runs as root can make a folder of somebody else's.
    let folder = Folder::new();
    folder.open();
    if std::os::unix::fs::chown(folder.path(), Some(65534), None).is_ok() {
        refused(&folder, "", "another user");
    }
}

#[test]
fn a_folder_that_cannot_be_used_says_why() {
    let folder = Folder::new();
    fs::write(folder.path(), b"a file").unwrap();
    let error = Cache::default()
        .on_disk(folder.path(), 1 << 20)
        .unwrap_err();
    assert!(matches!(error, CacheError::Unusable { .. }), "{error}");
    for wrong in [&b""[..], &[7; 31], &[7; 33]] {
        let folder = Folder::new();
        folder.open();
        fs::write(folder.path().join("key"), wrong).unwrap();
        let error = Cache::default()
            .on_disk(folder.path(), 1 << 20)
            .unwrap_err();
        assert!(matches!(error, CacheError::Unusable { .. }), "{error}");
    }
    let folder = Folder::new();
    folder.open();
    let moved = folder.0.path().join("moved");
    fs::rename(folder.path().join("key"), &moved).unwrap();
    symlink(&moved, folder.path().join("key")).unwrap();
    let error = Cache::default()
        .on_disk(folder.path(), 1 << 20)
        .unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
}

#[tokio::test]
async fn a_disk_that_fails_fails_no_check() {
    let registry = Registry::start();
    signed(&registry, "app");
    let (folder, repository) = (Folder::new(), repository(&registry, "app"));
    let cache = folder.open();
    let cached = cached(&registry, &cache);
    // A file where a folder should be: nothing can be written or read, not even by root.
    for part in ["blobs", "seen", "listings", "tmp"] {
        let path = folder.path().join(part);
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, b"in the way").unwrap();
    }
    for _ in 0..2 {
        let evidence = check(&cached, &repository, &tag("v1")).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1);
    }
    assert_eq!(asked(&registry), counts(&FIRST));
    let error = cache.disk_error().unwrap();
    let shown = folder.path().display().to_string();
    assert!(error.starts_with(&shown), "{error}");
    // It is tried again after a while, and serves when it is well.
    for part in ["blobs", "seen", "listings", "tmp"] {
        fs::remove_file(folder.path().join(part)).unwrap();
    }
    jump(61).await;
    check(&cached, &repository, &tag("v1")).await.unwrap();
    assert!(files(&folder.path()).len() >= 4);
}

#[tokio::test]
async fn the_folder_stays_below_its_bound_and_keeps_what_was_used_last() {
    let registry = Registry::start();
    let repository = repository(&registry, "app");
    let folder = Folder::new();
    let bound = 256 * 1024;
    let open = || {
        let cache = Cache::new(0).on_disk(folder.path(), bound).unwrap();
        cached(&registry, &Arc::new(cache))
    };
    let read = async |cached: &Cached<HttpRegistry>, number: u8| {
        let content = vec![number; 10_000];
        let blob = digest(&registry.push_blob("app", &content));
        let budget = budget();
        let read = cached.blob(&repository, &blob, content.len(), &budget);
        assert_eq!(read.await.unwrap().unwrap(), content.into());
        asked(&registry).contains_key("blobs")
    };
    let cached = open();
    for number in 0..60 {
        assert!(read(&cached, number).await);
        // Used again and again, so it stays.
        assert!(!read(&cached, 0).await, "{number}");
        let sum = bytes_in(&folder.path());
        assert!(sum <= bound, "{sum} after {number}");
    }
    assert!(read(&cached, 1).await, "that is gone");
    // What is larger than a quarter is not kept.
    let large = vec![0; 70_000];
    let blob = digest(&registry.push_blob("app", &large));
    let budget = budget();
    for _ in 0..2 {
        let read = cached.blob(&repository, &blob, large.len(), &budget);
        read.await.unwrap().unwrap();
    }
    assert_eq!(asked(&registry), counts(&[("blobs", 2)]));
}

fn bytes_in(folder: &Path) -> u64 {
    files(folder)
        .iter()
        .map(|path| fs::metadata(path).unwrap().len().next_multiple_of(4096))
        .sum()
}

#[tokio::test]
async fn several_together_stay_near_the_bound() {
    let registry = Registry::start();
    let repository = repository(&registry, "app");
    let (folder, bound) = (Folder::new(), 512 * 1024);
    let all: Vec<_> = (0..3)
        .map(|_| {
            let cache = Cache::new(0).on_disk(folder.path(), bound).unwrap();
            cached(&registry, &Arc::new(cache))
        })
        .collect();
    for number in 0..90_u8 {
        let content = vec![number; 20_000];
        let blob = digest(&registry.push_blob("app", &content));
        let cached = &all[usize::from(number) % all.len()];
        let budget = budget();
        let read = cached.blob(&repository, &blob, content.len(), &budget);
        assert_eq!(read.await.unwrap().unwrap(), content.into());
        let sum = bytes_in(&folder.path());
        // Each sees what the others wrote after a sixteenth of the whole.
        assert!(sum <= bound + bound / 5, "{sum} after {number}");
    }
}

#[tokio::test]
async fn what_killed_writers_left_is_taken_away_after_an_hour() {
    let registry = Registry::start();
    let folder = Folder::new();
    folder.open();
    let (old, young) = (
        folder.path().join("tmp").join("old"),
        folder.path().join("tmp").join("young"),
    );
    for path in [&old, &young] {
        fs::write(path, b"half").unwrap();
    }
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3700);
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(long_ago).unwrap();
    let cached = cached(&registry, &folder.open());
    let blob = digest(&registry.push_blob("app", b"blob"));
    let read = cached
        .blob(&repository(&registry, "app"), &blob, 4, &budget())
        .await;
    read.unwrap().unwrap();
    assert!(!old.exists() && young.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_use_one_folder_at_once() {
    let registry = Arc::new(Registry::start());
    for number in 0..15 {
        signed(&registry, &format!("app{number}"));
    }
    let folder = Folder::new();
    // So small that they make room under each other's hands.
    let open = || {
        let cache = Cache::new(0).on_disk(folder.path(), 30 * 4096);
        Arc::new(cache.unwrap())
    };
    let starts = (0..3).map(|_| std::thread::scope(|threads| threads.spawn(open).join().unwrap()));
    let caches: Vec<Arc<Cache>> = starts.collect();
    let all = caches.iter().map(|cache| {
        let (registry, cache) = (Arc::clone(&registry), Arc::clone(cache));
        tokio::spawn(async move {
            let cached = cached(&registry, &cache);
            for round in 0..2 {
                for number in 0..15 {
                    let repository = repository(&registry, &format!("app{number}"));
                    let evidence = check(&cached, &repository, &tag("v1")).await.unwrap();
                    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
                    assert_eq!(evidence.items.len(), 1, "app{number} in round {round}");
                }
            }
            assert_eq!(cache.disk_error(), None);
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[test]
fn those_who_start_at_once_agree_on_the_key() {
    for _ in 0..20 {
        let folder = Folder::new();
        let path = folder.path();
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| Cache::default().on_disk(&path, 1 << 20).unwrap());
            }
        });
        assert_eq!(fs::read(path.join("key")).unwrap().len(), 32);
        assert_eq!(files(&path), Vec::<PathBuf>::new());
    }
}
