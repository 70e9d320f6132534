//! A lock on a server's folder that lasts as long as any of its processes.
//!
//! The lock belongs to the open file, the open file is inherited by the server, by its children and by its watchdog, and
//! the kernel releases it when the last of them is gone. So no process id has to be trusted, and "is really over" is
//! one question.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::wait;

/// The lock, or `None` if it was not to be had in that time.
pub(crate) async fn take(path: &Path, bound: Duration) -> Result<Option<File>, Error> {
    let open = || OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = open().map_err(Error::file("open", path))?;
    let taken = wait::until(bound, async || match file.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::file("lock", path)(source)),
    });
    Ok(taken.await?.map(|()| file))
}

/// Waits until nobody holds the lock; whether that came about in that time. A lock that does not exist is free.
pub(crate) async fn released(path: &Path, bound: Duration) -> Result<bool, Error> {
    let seen = wait::until(bound, async || match OpenOptions::new().write(true).open(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(Some(())),
        Err(source) => Err(Error::file("open", path)(source)),
        Ok(file) => match file.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::file("lock", path)(source)),
        },
    });
    Ok(seen.await?.is_some())
}
