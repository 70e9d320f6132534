//! Appends that are written apart from the others: under locks that are waited for, because they compare what they write
//! with what stands there, or because others hold their run's lock most of the time.

use piton_shared::message::state::StateValue;
use sqlx::{Postgres, Transaction};

use super::{
    Appending, FirstPass, Look, Store, StoreError, Wrote, append, batch, control,
    state::{self, Fit, Names},
};

/// Appends whose runs are locked, and that are not written yet. Dropped, nothing of them is.
#[derive(Debug)]
pub struct Apart {
    tx: Transaction<'static, Postgres>,
}

/// What became of appends that were written apart.
#[derive(Debug)]
pub struct WrittenApart {
    /// For each of them: what stood in the place of the state it wanted to write, if that did not fit.
    pub conflicts: Vec<Option<StateValue>>,
    /// What the others came to, in their order; none if there are no others. Nothing is written unless all of them fit.
    pub pass: Option<FirstPass>,
}

impl Store {
    /// Locks the runs of appends, which are sorted by run, and then looks at each.
    pub async fn apart(&self, appends: &[&Appending]) -> Result<(Apart, Vec<Look>), StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("apart"))?;
        let runs: Vec<_> = appends.iter().map(|one| one.append.run.uuid()).collect();
        control::lock_runs(&mut tx, &runs).await?;
        let looks = append::look_on(&mut *tx, appends).await?;
        Ok((Apart { tx }, looks))
    }
}

impl Apart {
    /// Writes appends that the look has found to fit: all that does not conflict, in one commit.
    pub async fn write(mut self, appends: &[&Appending]) -> Result<WrittenApart, StoreError> {
        let mut conflicts = vec![None; appends.len()];
        let writes: Vec<_> = appends
            .iter()
            .enumerate()
            .filter_map(|(place, one)| one.append.state.as_ref().map(|write| (place, one.append.run, write)))
            .collect();
        if !writes.is_empty() {
            let pairs: Vec<_> = writes.iter().map(|(_, run, write)| (*run, *write)).collect();
            let fits = state::write(&mut self.tx, &pairs).await?;
            let lost: Vec<_> =
                writes.iter().zip(fits).filter(|(_, fit)| *fit == Fit::Conflict).map(|(write, _)| *write).collect();
            if !lost.is_empty() {
                let of = Names::of(lost.iter().map(|(_, run, write)| (*run, write.scope, &*write.name)));
                for ((place, ..), current) in lost.iter().zip(state::values(&mut self.tx, &of).await?) {
                    conflicts[*place] = Some(current);
                }
            }
        }
        let fitting: Vec<_> =
            appends.iter().zip(&conflicts).filter(|(_, lost)| lost.is_none()).map(|(one, _)| *one).collect();
        if fitting.is_empty() {
            return Ok(WrittenApart { conflicts, pass: None });
        }
        batch::add(&mut self.tx, &fitting).await?;
        let pass = append::append_on(&mut *self.tx, fitting.iter().copied()).await?;
        if pass.wrote.iter().all(|wrote| *wrote == Wrote::All) {
            self.tx.commit().await.map_err(StoreError::new("apart"))?;
        }
        Ok(WrittenApart { conflicts, pass: Some(pass) })
    }
}
