//! Accepting runs that are nothing but a batch.

use std::{sync::Arc, time::Duration};

use piton_shared::{codec, journal::StepKey, message::batch::BATCH_RUN_KEY, state::RunState};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Releases;
use crate::{
    engine::{Novelty, StartBatch, StartError, Started},
    intake::RunClock,
    store::{BatchId, NewBatch, Served, StartedBatch, Store},
};

/// Accepts batches. Cheap to clone.
#[derive(Clone)]
pub struct BatchStarts {
    /// Where they lie.
    pub store: Store,
    /// Whose ids follow the database's clock.
    pub clock: RunClock,
    /// Who gives their items away.
    pub releases: Releases,
    /// How long idempotency keys are remembered.
    pub window: Duration,
}

/// What is shown as the input of such a run: its items stand apart.
#[derive(Debug, Serialize)]
struct Input<'a> {
    function: &'a str,
    items: usize,
    max_concurrency: u32,
    on_failure: &'static str,
}

impl BatchStarts {
    /// Accepts a batch; returns once it is committed.
    pub async fn start(&self, start: StartBatch) -> Result<Started, StartError> {
        let batch = self.new_batch(start);
        let failed = |error| StartError::Store(Arc::new(error));
        match self.store.batch_start(&batch, self.window).await.map_err(failed)? {
            StartedBatch::Accepted { created_at } => {
                self.releases.owed(BatchId { run: batch.id, key: StepKey::new(BATCH_RUN_KEY) });
                Ok(Started {
                    run: batch.id,
                    state: RunState::Suspended,
                    created_at,
                    novelty: Novelty::New,
                    served: Served::Yes,
                })
            }
            StartedBatch::Refused => self.before(&batch).await,
        }
    }

    /// The run that holds the key of this one.
    async fn before(&self, batch: &NewBatch) -> Result<Started, StartError> {
        let (key, print) = batch.key.as_ref().ok_or_else(|| StartError::UnknownOrg(batch.org.clone()))?;
        let wanted = [(batch.org.to_string(), key.clone())];
        let holders = self.store.start_keys_look(&wanted).await.map_err(|error| StartError::Store(Arc::new(error)))?;
        let Some(holder) = holders.into_iter().next() else {
            // Its window ended between the two statements, or there is no such org: the caller asks again.
            return Err(StartError::Full);
        };
        if holder.fingerprint != *print {
            return Err(StartError::KeyConflict { run: holder.run });
        }
        Ok(Started {
            run: holder.run,
            state: holder.state,
            created_at: holder.created_at,
            novelty: Novelty::Repeated,
            served: Served::Yes,
        })
    }

    fn new_batch(&self, start: StartBatch) -> NewBatch {
        let print = start.key.as_ref().map(|_| fingerprint(&start));
        let StartBatch { org, queue, build, session, tags, terms, items, key, trace } = start;
        let key = key.zip(print);
        let input = Input {
            function: &terms.function,
            items: items.len(),
            max_concurrency: terms.max_concurrency,
            on_failure: terms.on_failure.as_str(),
        };
        let input = codec::encode(&input).expect("words and numbers always encode");
        NewBatch { id: self.clock.run_id(), org, queue, build, session, tags, input, trace, key, terms, items }
    }
}

/// Tells whether the same key asks for the same thing. Every part is preceded by its length.
fn fingerprint(start: &StartBatch) -> Vec<u8> {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(b"batch");
    part(start.queue.to_string().as_bytes());
    part(start.build.as_ref().map_or("", |build| build.as_str()).as_bytes());
    part(start.session.as_deref().unwrap_or("").as_bytes());
    part(&codec::wire::encode(&start.terms).expect("terms are numbers and words, bounded where they are made"));
    for item in &start.items {
        part(item.id.as_deref().unwrap_or("").as_bytes());
        part(&item.input);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use piton_shared::{
        message::batch::{BatchItem, BatchTerms, OnFailure},
        name::{Org, Queue},
        replay::StepOptions,
    };

    use super::*;

    fn start(function: &str, items: &[(Option<&str>, u8)]) -> StartBatch {
        let item = |(id, input): &(Option<&str>, u8)| BatchItem { id: id.map(Into::into), input: vec![*input] };
        StartBatch {
            org: Org::DEFAULT,
            queue: Queue::DEFAULT,
            build: None,
            session: None,
            tags: Vec::new(),
            terms: BatchTerms {
                function: function.into(),
                queue: None,
                item: StepOptions::default(),
                max_concurrency: 1,
                on_failure: OnFailure::Continue,
            },
            items: items.iter().map(item).collect(),
            key: None,
            trace: None,
        }
    }

    #[test]
    fn what_differs_is_another_request() {
        let first = start("f", &[(None, 1), (None, 2)]);
        let mut wider = first.clone();
        wider.terms.max_concurrency = 9;
        let others = [
            start("g", &[(None, 1), (None, 2)]),
            start("f", &[(None, 2), (None, 1)]),
            start("f", &[(Some("a"), 1), (None, 2)]),
            start("f", &[(None, 1)]),
            StartBatch { session: Some("s".into()), ..first.clone() },
            wider,
        ];
        for other in &others {
            assert_ne!(fingerprint(other), fingerprint(&first), "{other:?}");
        }
        let tagged = StartBatch { tags: vec!["t".into()], ..first.clone() };
        assert_eq!(fingerprint(&tagged), fingerprint(&first), "tags change nothing that is done");
    }
}
