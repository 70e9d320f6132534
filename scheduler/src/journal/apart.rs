//! Appends that take the road apart: their locks are waited for, so nobody else waits for them.

use std::{collections::HashSet, pin::Pin};

use piton_shared::{
    ids::RunId,
    message::append::{Append, AppendAnswer, Appends, Next},
};

use super::{
    commit::{Committer, Outcome, Refused, refused, unavailable},
    verdict::{Verdict, verdict},
};
use crate::{
    halve::{self, halving},
    store::{Appending, StoreError, Wrote},
};

/// Whether an append is written apart from the others. One that writes state compares; one that brings items would
/// find its run locked by those that finish others of its items, again and again.
pub(super) fn goes_apart(append: &Append) -> bool {
    append.state.is_some() || !append.batches.is_empty()
}

/// Whether any of a request's appends is written apart.
pub fn any_goes_apart(request: &Appends) -> bool {
    request.appends.iter().any(goes_apart)
}

/// The road apart.
struct Apart<'a> {
    committer: &'a Committer,
}

impl Committer {
    /// Writes appends apart and says what each came to, in their order.
    pub(super) fn apart<'a>(
        &'a self,
        appends: &'a [Appending],
    ) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(async move { halving(&Apart { committer: self }, appends).await })
    }

    /// One transaction: the runs are locked, each append is looked at, and what fits is written.
    async fn write_apart(&self, appends: &[Appending]) -> Result<Vec<Outcome>, StoreError> {
        let wanted: Vec<_> = appends.iter().collect();
        let (apart, looks) = self.store.apart(&wanted).await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; appends.len()];
        let (mut places, mut fitting, mut overtaken) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (one, look)) in appends.iter().zip(&looks).enumerate() {
            match verdict(&one.append, look) {
                Verdict::Answer(answer) => outcomes[place] = Some(Ok(answer)),
                Verdict::Overtaken => overtaken.push((place, look.outside)),
                // It is as the append wants it, and nobody else has the lock.
                Verdict::Again => {
                    places.push(place);
                    fitting.push(one);
                }
            }
        }
        if fitting.is_empty() {
            drop(apart);
        } else {
            let written = apart.write(&fitting).await?;
            let left: Vec<_> = written.conflicts.iter().map(Option::is_none).collect();
            for (place, conflict) in places.iter().zip(written.conflicts) {
                outcomes[*place] = conflict.map(|current| Ok(AppendAnswer::Conflict { current }));
            }
            let mut rest = places.into_iter().zip(fitting).zip(left).filter(|(_, left)| *left).map(|(one, _)| one);
            match written.pass {
                Some(pass) if pass.wrote.iter().all(|wrote| *wrote == Wrote::All) => {
                    let (_, running) = self.committed(pass);
                    for (place, one) in rest {
                        outcomes[place] = Some(self.written_apart(one, &running).await);
                    }
                }
                // One that does not fit took the others with it: they are written without it.
                Some(pass) => {
                    let mut again = Vec::new();
                    for ((place, one), wrote) in rest.by_ref().zip(pass.wrote) {
                        match refused(wrote) {
                            Refused::No => again.push((place, one.clone())),
                            Refused::Because(answer) => outcomes[place] = Some(Ok(answer)),
                            Refused::NotFound => outcomes[place] = Some(Err("the run was lost on the way".to_owned())),
                        }
                    }
                    let (places, again): (Vec<_>, Vec<_>) = again.into_iter().unzip();
                    let written = if again.is_empty() { Vec::new() } else { self.apart(&again).await };
                    for (place, outcome) in places.into_iter().zip(written) {
                        outcomes[place] = Some(outcome);
                    }
                }
                None => {}
            }
        }
        for (place, outside) in overtaken {
            let append = &appends[place].append;
            let seen = if let Next::Suspend { seen_outside } = append.next { seen_outside } else { outside };
            outcomes[place] = Some(self.overtaken(append.run, seen).await);
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.expect("every append was decided")).collect())
    }

    async fn written_apart(&self, one: &Appending, running: &HashSet<RunId>) -> Outcome {
        self.releases.brought(&one.append);
        self.written(one, running).await
    }
}

impl halve::Group for Apart<'_> {
    type Row = Appending;
    type Outcome = Outcome;

    async fn write(&self, appends: &[Appending]) -> Result<Vec<Outcome>, StoreError> {
        self.committer.write_apart(appends).await
    }

    fn refused(&self, one: &Appending, error: StoreError) -> Outcome {
        tracing::warn!(run = %one.append.run, error = &error as &dyn std::error::Error, "an append was refused");
        Ok(AppendAnswer::Invalid { reason: error.reason() })
    }

    fn unknown(&self, appends: &[Appending], error: StoreError) -> Vec<Outcome> {
        tracing::warn!(error = &error as &dyn std::error::Error, appends = appends.len(), "appends were not written");
        vec![Err(unavailable(&error)); appends.len()]
    }
}
