//! Folders that exist as long as their server.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use crate::account::Account;
use crate::error::Error;
use crate::limits;

/// What becomes of a server's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It stays, and what was acknowledged survives a crash.
    Durable,
    /// Speed over safety, and the folder is removed with the server.
    Throwaway,
}

/// A name nobody has, in memory where there is room, or else in the folder for temporary files.
pub(crate) fn fresh(kind: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = statvfs(memory).is_ok_and(|found| found.f_bavail * found.f_frsize >= limits::MEMORY_ROOM);
    let parent = if room && access(memory, Access::WRITE_OK).is_ok() { memory.to_owned() } else { env::temp_dir() };
    parent.join(format!("piton-{kind}-{}-{}", std::process::id(), random_hex(4)))
}

/// The folder, for the account alone. A scratch folder must not be there yet.
pub(crate) fn prepare(folder: &Path, durability: Durability, account: Option<&Account>) -> Result<(), Error> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
    match (DirBuilder::new().mode(0o700).create(folder), durability) {
        (Ok(()), _) => {}
        (Err(there), Durability::Durable) if there.kind() == io::ErrorKind::AlreadyExists => {}
        (Err(there), Durability::Throwaway) if there.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::NotFresh { folder: folder.to_owned() });
        }
        (Err(source), _) => return Err(Error::file("make", folder)(source)),
    }
    Account::own(account, folder)?;
    Account::check_reaches(account, folder)
}

/// Removes the folder; that it is gone already is what was wanted.
pub(crate) async fn remove(folder: &Path) -> Result<(), Error> {
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => Ok(()),
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::file("remove", folder)(source)),
    }
}

/// So many random bytes from the system, as text.
pub(crate) fn random_hex(bytes: usize) -> String {
    use std::fmt::Write as _;
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .expect("every unix has /dev/urandom, and it never ends");
    random.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
