//! Tells a run's journal, with stops where something has to be read first.

use super::{
    call::Fetch,
    machine::{Machine, Telling},
    turn::{DeliveryError, Turn},
};
use crate::journal::{Entry, Place};

/// How far a replay came.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// Every row was told, and this is where the workflow stands.
    All(Turn),
    /// Something is to be read before the next row.
    Stopped(Stopped),
}

/// Where a replay stopped. Supply the fetch ([`Machine::supply`]), then go on with the rows that were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// How many of the rows were told.
    pub taken: usize,
    /// What is to be read.
    pub fetch: Fetch,
}

impl Machine {
    /// Tells a run's journal, in order, and returns only what is still open behind it.
    ///
    /// Meanwhile [`Scope::is_replaying`](super::Scope::is_replaying) is true: until the last own row, because an attempt
    /// was told everything up to it. Rows from outside behind that may be news, and are treated as such.
    ///
    /// # Errors
    /// [`DeliveryError`] when the journal has a gap. What came before it was told.
    pub fn replay(&mut self, entries: &[Entry]) -> Result<Replayed, DeliveryError> {
        let own = |entry: &Entry| matches!(entry.place, Place::Own { .. });
        let known = entries.iter().rposition(own).map_or(0, |last| last + 1);
        let (before, behind) = entries.split_at(known);
        if let Some(stopped) = self.tell_all(before, !entries.is_empty(), 0)? {
            return Ok(Replayed::Stopped(stopped));
        }
        if !behind.is_empty()
            && let Some(stopped) = self.tell_all(behind, false, known)?
        {
            return Ok(Replayed::Stopped(stopped));
        }
        self.core.ledger().replaying = false;
        self.telling = Telling::Live;
        Ok(Replayed::All(self.turn()))
    }

    /// Tells a page of a journal that has more: the last page goes to [`Machine::replay`], and only that returns what
    /// is open. If something has to be read, that comes back; this may be so behind the last row of the page.
    ///
    /// # Errors
    /// [`DeliveryError`] when the journal has a gap. What came before it was told.
    pub fn feed(&mut self, page: &[Entry]) -> Result<Option<Stopped>, DeliveryError> {
        if let Some(stopped) = self.tell_all(page, true, 0)? {
            return Ok(Some(stopped));
        }
        Ok(self.stop(page.len()))
    }

    fn tell_all(&mut self, rows: &[Entry], replaying: bool, before: usize) -> Result<Option<Stopped>, DeliveryError> {
        self.telling = Telling::Journal;
        self.core.ledger().replaying = replaying;
        self.start();
        for (told, row) in rows.iter().enumerate() {
            match self.tell(row) {
                Err(DeliveryError::Fetching { .. }) => return Ok(self.stop(before + told)),
                told => told?,
            }
        }
        Ok(None)
    }

    fn stop(&self, taken: usize) -> Option<Stopped> {
        let fetch = self.core.ledger().fetches.open().cloned()?;
        Some(Stopped { taken, fetch })
    }
}
