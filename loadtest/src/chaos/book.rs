//! The ledger of executions: each worker process writes down when an execution of a function begins and how it leaves.
//!
//! One file a process, one JSON line a word. A line goes to the file at once, so a process that is killed leaves it whole.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use piton::FunctionContext;
use serde::{Deserialize, Serialize};

use super::{
    moment::Moment,
    story::{Execution, Left},
};

/// The file of this process.
#[derive(Debug)]
pub struct Book {
    file: File,
    next: AtomicU64,
}

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Word {
    Begun { id: u64, run: String, key: String, epoch: u32, attempt: u32, stage: u32, at: Moment },
    Returned { id: u64, at: Moment },
    Dropped { id: u64, at: Moment },
}

/// An execution that is under way. Dropped before it has returned, it says so.
#[derive(Debug)]
pub struct Running<'a> {
    book: &'a Book,
    id: u64,
    under_way: Option<()>,
}

impl Book {
    /// The book of this process, in a folder that all workers share.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.jsonl", std::process::id()));
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { file, next: AtomicU64::new(0) })
    }

    /// Writes down that an execution begins.
    pub fn begin(&self, ctx: &FunctionContext, stage: u32) -> io::Result<Running<'_>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(&Word::Begun {
            id,
            run: ctx.run_id().to_string(),
            key: ctx.step_key().to_string(),
            epoch: ctx.epoch().0,
            attempt: ctx.try_number(),
            stage,
            at: Moment::now(),
        })?;
        Ok(Running { book: self, id, under_way: Some(()) })
    }

    fn write(&self, word: &Word) -> io::Result<()> {
        let mut line = serde_json::to_vec(word)?;
        line.push(b'\n');
        (&self.file).write_all(&line)
    }
}

impl Running<'_> {
    /// Writes down that it returns.
    pub fn returned(mut self) -> io::Result<()> {
        self.under_way = None;
        self.book.write(&Word::Returned { id: self.id, at: Moment::now() })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.under_way.is_some() {
            // Without the word it counts as under way until its process ends, which the checker would report.
            let _ = self.book.write(&Word::Dropped { id: self.id, at: Moment::now() });
        }
    }
}

/// Everything that the processes have written down.
pub fn read(folder: &Path) -> io::Result<Vec<Execution>> {
    let mut executions = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let process = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let Some(process) = process {
            executions.extend(parse(process, &fs::read_to_string(path)?));
        }
    }
    Ok(executions)
}

/// The executions of one process, which numbers them in their order. A line that is torn is the last of a process that was killed.
fn parse(process: u32, text: &str) -> Vec<Execution> {
    let mut executions: Vec<Execution> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for word in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        let (id, left) = match word {
            Word::Begun { id, run, key, epoch, attempt, stage, at } => {
                places.insert(id, executions.len());
                let token = (epoch, attempt);
                executions.push(Execution { run, key, token, process, stage, begun: at, left: Left::Unknown });
                continue;
            }
            Word::Returned { id, at } => (id, Left::Returned(at)),
            Word::Dropped { id, at } => (id, Left::Dropped(at)),
        };
        if let Some(execution) = places.get(&id).and_then(|place| executions.get_mut(*place)) {
            execution.left = left;
        }
    }
    executions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let book = Book::open(folder.path()).expect("it opens");
        let ctx = FunctionContext::for_test_try(2, 5);
        book.begin(&ctx, 1).expect("written").returned().expect("written");
        drop(book.begin(&ctx, 2).expect("written"));
        std::mem::forget(book.begin(&ctx, 3).expect("written"));
        (&book.file).write_all(b"{\"what\":\"retur").expect("torn");
        let read = read(folder.path()).expect("readable");
        let lefts: Vec<_> = read.iter().map(|one| (one.stage, one.token, std::mem::discriminant(&one.left))).collect();
        let kind = |left: Left| std::mem::discriminant(&left);
        let at = Moment::NEVER;
        assert_eq!(
            lefts,
            [
                (1, (1, 2), kind(Left::Returned(at))),
                (2, (1, 2), kind(Left::Dropped(at))),
                (3, (1, 2), kind(Left::Unknown))
            ]
        );
    }
}
