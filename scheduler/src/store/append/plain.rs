//! The appends of most steps, by statements that leave out what such appends never bring.
//!
//! Starting and stopping a part of a statement costs about ten microseconds even where it has nothing to do, and
//! `append.sql` has many parts.

use piton_shared::{
    ids::RunId,
    message::append::{Append, Next},
};
use sqlx::Row as _;
use uuid::Uuid;

use super::{Appending, FirstPass, Store, StoreError, Wrote, columns::columns, step};

/// What an append brings, as far as it says which statement can write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burden {
    /// Rows of a run that goes on, and nothing else.
    Rows,
    /// Rows, or none, and the end of the run.
    End,
    /// Anything.
    Any,
}

/// What an append brings.
pub fn burden(append: &Append) -> Burden {
    let Append {
        run: _,
        attempt: _,
        number,
        rows: _,
        failed_tries,
        waits,
        withdrawn,
        dispatches,
        batches,
        state,
        next,
    } = append;
    let rows_alone = failed_tries.is_empty()
        && waits.is_empty()
        && withdrawn.is_empty()
        && dispatches.is_empty()
        && batches.is_empty()
        && state.is_none();
    match next {
        Next::GoOn if rows_alone && *number == 0 => Burden::Rows,
        Next::Complete(_) | Next::Fail(_) | Next::Cancel(_) if rows_alone => Burden::End,
        Next::GoOn | Next::Complete(_) | Next::Fail(_) | Next::Cancel(_) | Next::Suspend { .. } | Next::Park(_) => {
            Burden::Any
        }
    }
}

impl Store {
    /// Writes appends of [`Burden::Rows`] as [`Store::append`] does, at a third of the cost. It does not look for rows
    /// that stand there already: they break it with [`Fault::Taken`], and [`Store::append`] is to be asked.
    /// A run with strikes counts as lost here.
    ///
    /// [`Fault::Taken`]: crate::store::Fault::Taken
    pub async fn append_rows(&self, appends: &[Appending]) -> Result<FirstPass, StoreError> {
        let c = columns(appends);
        let statement = sqlx::query(include_str!("../sql/append_rows.sql")).bind(c.run);
        let statement = statement.bind(c.attempt).bind(c.worker);
        let row = c.rows.bind_to(statement).fetch_one(&self.hot).await.map_err(StoreError::new("append_rows"))?;
        let mine = row.try_get("ok").map_err(StoreError::new("append_rows"))?;
        Ok(FirstPass { wrote: wrote(mine), ..FirstPass::default() })
    }

    /// Writes appends of [`Burden::Rows`] and [`Burden::End`] as [`Store::append`] does, at half the cost. It does not
    /// look for rows that stand there already: they break it with [`Fault::Taken`], and [`Store::append`] is to be asked.
    ///
    /// [`Fault::Taken`]: crate::store::Fault::Taken
    pub async fn append_plain(&self, appends: &[Appending]) -> Result<FirstPass, StoreError> {
        let c = columns(appends);
        let statement = sqlx::query(include_str!("../sql/append_plain.sql"))
            .bind(c.run)
            .bind(c.attempt)
            .bind(c.worker)
            .bind(c.number)
            .bind(c.row_count)
            .bind(c.next)
            .bind(c.payload);
        let row = c.rows.bind_to(statement).fetch_one(&self.hot).await.map_err(StoreError::new("append_plain"))?;
        let read = || {
            let ended: Vec<Uuid> = row.try_get("ended")?;
            Ok(FirstPass {
                wrote: wrote(row.try_get("ok")?),
                ended: ended.into_iter().map(RunId::new).collect(),
                dropped: step::gone(&row)?,
                ..FirstPass::default()
            })
        };
        read().map_err(StoreError::new("append_plain"))
    }
}

fn wrote(mine: Vec<bool>) -> Vec<Wrote> {
    mine.into_iter().map(|mine| if mine { Wrote::All } else { Wrote::Lost }).collect()
}
