//! The folder of a cache: made for one user, and used only if nobody else could have put anything into it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::CacheError;

/// Where files are written before they get their names: in the same file system.
pub(super) const TEMPORARY: &str = "tmp";
const KEY: &str = "key";
const KEY_BYTES: usize = 32;

/// Makes the folder and its parts, or looks whether they are safe.
pub(super) fn prepare(folder: &Path, parts: &[&str]) -> Result<(), CacheError> {
    let mut all = vec![folder.to_owned()];
    all.extend(
        [TEMPORARY]
            .iter()
            .chain(parts)
            .map(|part| folder.join(part)),
    );
    // Each before anything is made in it.
    for path in &all {
        make(path)?;
        check_closed(path)?;
    }
    let own = temporary(folder).and_then(|(path, file)| {
        let metadata = file.metadata();
        fs::remove_file(&path)?;
        metadata
    });
    let own = own.map_err(|cause| CacheError::unusable(folder, cause))?;
    all.iter().try_for_each(|path| check_owner(path, &own))
}

/// The secret that names of records are made with. Whoever comes first makes it; no process ever sees half of it.
pub(super) fn key(folder: &Path) -> Result<[u8; KEY_BYTES], CacheError> {
    let path = folder.join(KEY);
    let failed = |cause| CacheError::unusable(&path, cause);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    let mut made = [0; KEY_BYTES];
    fill_random(&mut made).map_err(failed)?;
    let (beside, mut file) = temporary(folder).map_err(failed)?;
    let written = file
        .write_all(&made)
        .and_then(|()| file.sync_all())
        .and_then(|()| {
            // Fails where the name is taken, as renaming does not: the first key stays.
            match fs::hard_link(&beside, &path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            }
        });
    let removed = fs::remove_file(&beside);
    written.and(removed).map_err(failed)?;
    match read_key(&path)? {
        Some(key) => Ok(key),
        None => Err(failed(io::Error::other("it vanished"))),
    }
}

fn read_key(path: &Path) -> Result<Option<[u8; KEY_BYTES]>, CacheError> {
    let failed = |cause| CacheError::unusable(path, cause);
    let Some(bytes) = read_regular(path, KEY_BYTES).map_err(failed)? else {
        return Ok(None);
    };
    let key = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| {
        failed(io::Error::other(
            "it is not a key of 32 bytes; remove the cache folder",
        ))
    })?;
    Ok(Some(key))
}

/// A new file under a name that nobody else uses.
pub(super) fn temporary(folder: &Path) -> io::Result<(PathBuf, File)> {
    let mut random = [0; 32];
    fill_random(&mut random)?;
    let name = countersign_core::Digest::from_bytes(random).hex();
    let path = folder.join(TEMPORARY).join(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    Ok((path, file))
}

/// The whole file, if it is there and has at most `max` bytes. A symbolic link, or whatever is no regular file, is an error.
pub(super) fn read_regular(path: &Path, max: usize) -> io::Result<Option<Vec<u8>>> {
    let before = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !before.is_file() {
        return Err(odd(path));
    }
    let file = match File::open(path) {
        Ok(file) => file,
        // Another process made room meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(odd(path));
    }
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max).then_some(bytes))
}

fn odd(path: &Path) -> io::Error {
    io::Error::other(format!(
        "{} is a symbolic link or no regular file: it is not used",
        path.display()
    ))
}

/// A folder for nobody else, if there is none yet.
pub(super) fn make(path: &Path) -> Result<(), CacheError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|cause| CacheError::unusable(path, cause))
}

/// Whether it is a folder that nobody but its owner may write to.
fn check_closed(path: &Path) -> Result<(), CacheError> {
    let metadata = metadata(path)?;
    if !metadata.is_dir() {
        return Err(refused(path, "it is a symbolic link or no folder"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o022 != 0 {
        return Err(refused(
            path,
            "others may write to it; name a folder that does not exist yet, or take that right away",
        ));
    }
    Ok(())
}

/// Whether it belongs to whom a file belongs that this process has made just now.
#[cfg_attr(not(unix), expect(unused_variables, clippy::unnecessary_wraps))]
fn check_owner(path: &Path, own: &Metadata) -> Result<(), CacheError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata(path)?.uid() != own.uid() {
            return Err(refused(path, "it belongs to another user"));
        }
    }
    Ok(())
}

/// Of the thing itself, not of what a link points to.
fn metadata(path: &Path) -> Result<Metadata, CacheError> {
    fs::symlink_metadata(path).map_err(|cause| CacheError::unusable(path, cause))
}

fn refused(path: &Path, why: &'static str) -> CacheError {
    CacheError::Unsafe {
        path: path.to_owned(),
        why,
    }
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| io::Error::other("the system gives no randomness"))
}
