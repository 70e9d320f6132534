//! What the disk gives: no commit can be faster than one flush.

use std::{
    fs::{self, File},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// A page of Postgres's write-ahead log.
const PAGE: usize = 8192;
const FLUSHES: usize = 500;
/// A slow disk is asked fewer times.
const LONGEST: Duration = Duration::from_secs(1);

/// The median time in milliseconds of writing a page over and having it flushed with `fdatasync`, in this folder.
pub fn flush_ms(folder: &Path) -> io::Result<f64> {
    let path = folder.join("flush-probe");
    let mut file = File::create(&path)?;
    let page = [7; PAGE];
    file.write_all(&page)?;
    file.sync_all()?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < FLUSHES && begun.elapsed() < LONGEST {
        let flush = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(flush.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64() * 1000.0)
}
