//! The outside world: a payment provider's double that keeps its own books, in files, and asks the engine nothing.
//!
//! As real providers do, it takes an idempotency key with every charge and moves money once for each key. It writes
//! down every call it gets, so that its books tell apart how often a function *ran* and how often money *moved*.
//!
//! ```text
//! calls/KEY     one line a call: the worker's process, the try, the customer's order
//! charges/KEY   there once money moved for the key: the order and the amount
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The books, in a folder that all workers share.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

/// A call to the provider, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The idempotency key.
    pub key: String,
    /// The process that called.
    pub pid: u32,
    /// Which try the caller said it was.
    pub try_number: u32,
    /// What it is for.
    pub order: String,
}

/// What the books say, all of them.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Every call, in no order.
    pub calls: Vec<Call>,
    /// For each order the keys under which money moved: more than one is a customer charged twice.
    pub charges: BTreeMap<String, Vec<String>>,
}

impl Ledger {
    /// The books in this folder, which are begun if it is new.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(folder.join("calls"))?;
        fs::create_dir_all(folder.join("charges"))?;
        Ok(Self { folder })
    }

    /// Where the books are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes down that a call arrived. One short line goes to the file at once, so a caller that dies leaves it whole.
    pub fn call(&self, key: &str, try_number: u32, order: &str) -> io::Result<()> {
        let line = format!("{} {try_number} {order}\n", std::process::id());
        let path = self.folder.join("calls").join(file_name(key));
        File::options().create(true).append(true).open(path)?.write_all(line.as_bytes())
    }

    /// Moves the money, unless it moved for this key before; and gives the charge's id, the same for the same key.
    pub fn charge(&self, key: &str, order: &str) -> io::Result<String> {
        let path = self.folder.join("charges").join(file_name(key));
        if !fs::exists(&path)? {
            // Written aside and linked into place, so that the file is never there without its words.
            let aside = self.folder.join(format!("{}-{}", std::process::id(), file_name(key)));
            fs::write(&aside, order)?;
            let linked = fs::hard_link(&aside, &path);
            fs::remove_file(&aside)?;
            match linked {
                Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {}
                linked => linked?,
            }
        }
        Ok(format!("ch_{}", file_name(key)))
    }

    /// For how many keys money has moved.
    pub fn charged(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.folder.join("charges"))?.count())
    }

    /// Reads everything.
    pub fn books(&self) -> io::Result<Books> {
        let mut books = Books::default();
        for (key, text) in files(&self.folder.join("calls"))? {
            books.calls.extend(text.lines().filter_map(|line| Call::read(&key, line)));
        }
        for (key, order) in files(&self.folder.join("charges"))? {
            books.charges.entry(order).or_default().push(key);
        }
        Ok(books)
    }
}

impl Books {
    /// Orders that were charged more than once.
    pub fn charged_twice(&self) -> Vec<&str> {
        let twice = self.charges.iter().filter(|(_, keys)| keys.len() > 1);
        twice.map(|(order, _)| order.as_str()).collect()
    }

    /// Keys under which the provider was called more than once: the function ran again.
    pub fn called_again(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        self.calls.iter().map(|call| call.key.as_str()).filter(|key| !seen.insert(*key)).collect()
    }

    /// Keys under which the provider was called more often than this.
    pub fn called_more_than(&self, calls: usize) -> BTreeSet<&str> {
        let mut counts = BTreeMap::<&str, usize>::new();
        for call in &self.calls {
            *counts.entry(&call.key).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > calls).map(|(key, _)| key).collect()
    }

    /// Calls of one process whose money had not moved when the books were read.
    pub fn under_way(&self, pid: u32) -> usize {
        let charged: BTreeSet<&str> = self.charges.values().flatten().map(String::as_str).collect();
        self.calls.iter().filter(|call| call.pid == pid && !charged.contains(call.key.as_str())).count()
    }
}

impl Call {
    fn read(key: &str, line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        Some(Self {
            key: key.to_owned(),
            pid: words.next()?.parse().ok()?,
            try_number: words.next()?.parse().ok()?,
            order: words.next()?.to_owned(),
        })
    }
}

/// An idempotency key as the name of a file: what could leave the folder is replaced.
fn file_name(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-#._".contains(c) { c } else { '+' };
    key.chars().map(plain).collect()
}

fn files(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?))
    };
    fs::read_dir(folder)?.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_moves_money_once_and_every_call_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(folder.path()).expect("the books open");
        for number in 1..=3 {
            ledger.call("run/charge#1", number, "order-1").expect("written");
            assert_eq!(ledger.charge("run/charge#1", "order-1").expect("charged"), "ch_run+charge#1");
        }
        ledger.call("other/charge#1", 1, "order-2").expect("written");
        let books = ledger.books().expect("readable");
        assert_eq!(books.calls.len(), 4);
        assert_eq!(books.charged_twice(), Vec::<&str>::new());
        assert_eq!(books.called_again().into_iter().collect::<Vec<_>>(), ["run+charge#1"]);
        assert_eq!(books.under_way(std::process::id()), 1);

        ledger.charge("another/charge#1", "order-1").expect("charged");
        assert_eq!(ledger.books().expect("readable").charged_twice(), ["order-1"]);
    }
}
