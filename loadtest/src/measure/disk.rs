//! What the disk gives: no commit can be faster than one flush.

use std::{
    fs::{self, File},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// A page of Postgres's write-ahead log.
const PAGE: usize = 8192;
/// A disk that others use too is slow by fits and starts: it is watched for so long.
const WATCHED: Duration = Duration::from_secs(1);

/// The mean time in milliseconds of writing a page over and having it flushed with `fdatasync`, in this folder.
pub fn flush_ms(folder: &Path) -> io::Result<f64> {
    let path = folder.join("flush-probe");
    let mut file = File::create(&path)?;
    let page = [7; PAGE];
    file.write_all(&page)?;
    file.sync_all()?;
    let begun = Instant::now();
    let mut flushes = 0_u32;
    while begun.elapsed() < WATCHED {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&page)?;
        file.sync_data()?;
        flushes += 1;
    }
    let taken = begun.elapsed();
    fs::remove_file(&path)?;
    Ok(taken.as_secs_f64() * 1000.0 / f64::from(flushes))
}
