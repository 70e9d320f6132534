//! A batch over every file of a folder: each is read by whichever worker has room.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use piton::prelude::*;
use serde::{Deserialize, Serialize};

/// The workflow that reads a folder.
pub const READ_REPOSITORY: &str = "read_repository";

/// What is built and fetched is no file of a repository.
const SKIPPED: [&str; 4] = ["target", ".git", ".tools", "node_modules"];
/// Files that are read at once, in all workers together.
const AT_ONCE: u32 = 24;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Read {
    /// Files.
    pub files: u64,
    /// Lines of all of them.
    pub lines: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// The files of a folder and of all folders in it, sorted.
#[function]
pub(crate) async fn list_files(folder: PathBuf) -> Result<Vec<PathBuf>> {
    Ok(files(&folder)?)
}

/// Reads one file.
#[function]
pub(crate) async fn read_file(file: PathBuf) -> Result<Read> {
    Ok(read(&file)?)
}

/// Reads a folder: one step lists it, a batch reads what is listed.
#[workflow]
pub(crate) async fn read_repository(ctx: &WorkflowContext, folder: PathBuf) -> Result<Read> {
    let files = ctx.step(list_files(folder)).await?;
    let read = ctx.map(files.into_iter().map(read_file)).max_concurrency(AT_ONCE).await?;
    Ok(read.into_iter().fold(Read::default(), Read::and))
}

/// The same without any engine, to compare.
pub fn read_here(folder: &Path) -> io::Result<Read> {
    files(folder)?.iter().try_fold(Read::default(), |sum, file| Ok(sum.and(read(file)?)))
}

impl Read {
    fn and(self, other: Self) -> Self {
        Self { files: self.files + other.files, lines: self.lines + other.lines, bytes: self.bytes + other.bytes }
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_file() {
                found.push(entry.path());
            } else if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(file: &Path) -> io::Result<Read> {
    let bytes = fs::read(file)?;
    let lines = bytes.split(|byte| *byte == b'\n').count() - 1;
    Ok(Read { files: 1, lines: lines as u64, bytes: bytes.len() as u64 })
}
