//! Rows from outside, brought into their order.

use std::collections::BTreeMap;

use piton_shared::journal::{Entry, Place};

/// Rows that came and were not told yet.
#[derive(Debug, Default)]
pub(super) struct OutsideRows {
    waiting: BTreeMap<u32, Entry>,
    gap: Gap,
}

/// What is done about a row that is missing before the ones that came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Gap {
    #[default]
    NotAsked,
    /// Asked, or answered in vain: the next wake leads to another look.
    Asked,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum NextOutside {
    Row(Box<Entry>),
    /// Rows are missing: read them.
    Missing,
    Nothing,
}

impl OutsideRows {
    /// Rows that came unasked.
    pub(super) fn woken(&mut self, entries: Vec<Entry>) {
        self.gap = Gap::NotAsked;
        self.add(entries);
    }

    /// Rows that were asked for.
    pub(super) fn read(&mut self, entries: Vec<Entry>) {
        self.add(entries);
    }

    /// What comes after the row of this number.
    pub(super) fn next(&mut self, told: u32) -> NextOutside {
        while let Some(first) = self.waiting.first_entry() {
            match *first.key() {
                number if number <= told => {
                    first.remove();
                }
                number if number == told + 1 => return NextOutside::Row(Box::new(first.remove())),
                _ => {
                    return match std::mem::replace(&mut self.gap, Gap::Asked) {
                        Gap::NotAsked => NextOutside::Missing,
                        Gap::Asked => NextOutside::Nothing,
                    };
                }
            }
        }
        NextOutside::Nothing
    }

    fn add(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            match entry.place {
                Place::Outside { number } => {
                    self.waiting.entry(number).or_insert(entry);
                }
                // An attempt's own row is no news to it.
                Place::Own { .. } => {}
            }
        }
    }
}
