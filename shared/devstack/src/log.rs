//! The file that a server's output goes to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::limits;

#[derive(Debug, Clone)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// For a server that is about to start. One former log is kept, beside it.
    pub(crate) fn open(&self) -> Result<File, Error> {
        let long = fs::metadata(&self.path).is_ok_and(|found| found.len() > limits::LOG);
        if long {
            let former = self.path.with_extension("log.old");
            fs::rename(&self.path, &former).map_err(Error::file("set aside", &self.path))?;
        }
        OpenOptions::new().create(true).append(true).open(&self.path).map_err(Error::file("open", &self.path))
    }

    /// The last lines, for an error; what cannot be read is said there.
    pub(crate) fn tail(&self) -> String {
        let lines = self.last_bytes().unwrap_or_else(|error| format!("(unreadable: {error})"));
        let lines: Vec<_> = lines.lines().collect();
        lines[lines.len().saturating_sub(limits::LOG_TAIL_LINES)..].join("\n")
    }

    fn last_bytes(&self) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        let start = file.metadata()?.len().saturating_sub(limits::LOG_TAIL_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(limits::LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
