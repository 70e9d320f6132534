//! Appends that take the road apart: their locks are waited for, so nobody else waits for them.

use std::{collections::HashSet, pin::Pin};

use piton_shared::{
    ids::RunId,
    message::append::{Append, AppendAnswer, Appends, Next},
};

use super::{
    commit::{Committer, Outcome, unavailable},
    verdict::{First, Verdict, verdict},
};
use crate::store::{Appending, Fault, FirstPass, Look, Rows, StoreError};

/// Whether an append is written apart from the others. One that writes state compares; one that brings items would
/// find its run locked by those that finish others of its items, again and again.
pub(super) fn goes_apart(append: &Append) -> bool {
    append.state.is_some() || !append.batches.is_empty()
}

/// Whether any of a request's appends is written apart.
pub fn any_goes_apart(request: &Appends) -> bool {
    request.appends.iter().any(goes_apart)
}

impl Committer {
    /// Writes appends apart, in one transaction, and says what each came to, in their order.
    pub(super) fn apart<'a>(
        &'a self,
        appends: &'a [&'a Appending],
    ) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(async move {
            match (self.written_apart(appends).await, appends) {
                (Ok(outcomes), _) => outcomes,
                (Err(error), [one]) if error.fault() == Fault::BadRow => {
                    tracing::warn!(run = %one.append.run, error = &error as &dyn std::error::Error, "an append was refused");
                    vec![Ok(AppendAnswer::Invalid { reason: error.reason() })]
                }
                (Err(error), _) if error.fault() == Fault::BadRow => {
                    let (left, right) = appends.split_at(appends.len() / 2);
                    let mut outcomes = self.apart(left).await;
                    outcomes.extend(self.apart(right).await);
                    outcomes
                }
                (Err(error), _) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        appends = appends.len(),
                        "appends were not written"
                    );
                    vec![Err(unavailable(&error)); appends.len()]
                }
            }
        })
    }

    async fn written_apart(&self, appends: &[&Appending]) -> Result<Vec<Outcome>, StoreError> {
        let (apart, looks) = self.store.apart(appends).await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; appends.len()];
        let mut fitting = Vec::new();
        let mut overtaken = Vec::new();
        for (place, (one, look)) in appends.iter().zip(&looks).enumerate() {
            match verdict(&one.append, First::NotFenced, look) {
                Verdict::Answer(answer) => outcomes[place] = Some(Ok(answer)),
                Verdict::Overtaken => overtaken.push((place, look.outside)),
                Verdict::WriteRest | Verdict::Again => match fits(&one.append, look) {
                    Ok(()) => fitting.push((place, *one)),
                    Err(answer) => outcomes[place] = Some(Ok(answer)),
                },
            }
        }
        let (places, chosen): (Vec<_>, Vec<_>) = fitting.into_iter().unzip();
        if chosen.is_empty() {
            drop(apart);
        } else {
            let written = apart.write(&chosen).await?;
            let whole = written.pass.as_ref().is_some_and(FirstPass::fits_all);
            let mut running: HashSet<RunId> = HashSet::new();
            if let Some(pass) = written.pass.filter(|_| whole) {
                self.due(pass.next_due);
                self.closed(&pass.closed);
                running.extend(pass.running);
            }
            for ((place, one), conflict) in places.into_iter().zip(chosen).zip(written.conflicts) {
                outcomes[place] = Some(match conflict {
                    Some(current) => Ok(AppendAnswer::Conflict { current }),
                    // Nothing of it was committed: it is sent again and looked at anew.
                    None if !whole => Err("the append did not fit what its look had found".to_owned()),
                    None => {
                        self.releases.brought(&one.append);
                        self.written(one, &running).await
                    }
                });
            }
        }
        for (place, outside) in overtaken {
            let append = &appends[place].append;
            let seen = if let Next::Suspend { seen_outside } = append.next { seen_outside } else { outside };
            outcomes[place] = Some(self.overtaken(append.run, seen).await);
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.expect("every append was decided")).collect())
    }
}

/// Its rows must not stand there yet: they and what goes with them are written together or not at all.
fn fits(append: &Append, look: &Look) -> Result<(), AppendAnswer> {
    match look.rows {
        Rows::Written if append.rows.is_empty() => Ok(()),
        Rows::Missing => Ok(()),
        Rows::Written | Rows::Lost => Err(AppendAnswer::Superseded),
    }
}
