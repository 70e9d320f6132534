//! Journals as readers follow them: in the order of telling, page by page.

use piton_shared::{
    ids::RunId,
    journal::{Entry, Place},
    message::read::More,
};

use super::{Store, StoreError, value};

/// How far a reader is: the last own row and the last row from outside that it was shown. A plain position would not
/// do, since a row from outside may stand before an own row that is written after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The number of the last own row.
    pub own: u32,
    /// The number of the last row from outside.
    pub outside: u32,
}

impl Seen {
    /// How far a reader is that was shown this entry too.
    #[must_use]
    pub fn and(self, entry: &Entry) -> Self {
        match entry.place {
            Place::Own { number, .. } => Self { own: self.own.max(number), ..self },
            Place::Outside { number } => Self { outside: self.outside.max(number), ..self },
        }
    }
}

impl Store {
    /// The next rows of a run's journal in the order in which it was told them, and whether more follow. What it costs
    /// goes by the page and not by the journal, but for a page among the first rows of a run.
    pub async fn journal_told(&self, run: RunId, seen: Seen, rows: u32) -> Result<(Vec<Entry>, More), StoreError> {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut found = sqlx::query(include_str!("sql/journal_told.sql"))
            .bind(run.uuid())
            .bind(value::int(seen.own))
            .bind(value::int(seen.outside))
            // One more tells whether more follow.
            .bind(i64::try_from(rows).unwrap_or(i64::MAX).saturating_add(1))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("journal_told"))?;
        let more = if found.len() > rows { More::Follows } else { More::End };
        found.truncate(rows);
        let entries =
            found.iter().map(value::entry).collect::<Result<_, _>>().map_err(StoreError::new("journal_told"))?;
        Ok((entries, more))
    }
}
